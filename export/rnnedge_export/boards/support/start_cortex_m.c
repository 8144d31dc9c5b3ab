/* SPDX-License-Identifier: MIT */
/* Start-up of any Cortex-M: floating point on, data copied, main, exit code to the host. */
#include "semihosting.h"

#define CPACR (*(volatile uint32_t *)0xE000ED88u)
#define FULL_ACCESS (0xFu << 20) /* coprocessors 10 and 11 */
#define FAULT_CODE 99

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];
int main(void);
void start(void);
void fault(void);
void start_c(void);

__attribute__((noreturn, used)) void start_c(void)
{
#if defined(__ARM_FP) || defined(__ARM_FEATURE_MVE)
    CPACR |= FULL_ACCESS;
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    for (uint32_t *to = data_start, *from = data_load; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    semihosting_exit(main());
}

/* Naked: no floating point register may be saved before the coprocessor is on. */
__attribute__((naked, noreturn)) void start(void)
{
    __asm volatile("ldr r0, =stack_top\n mov sp, r0\n bl start_c\n .ltorg");
}

/* Every fault ends the run; a program that hangs would tell nothing. */
__attribute__((noreturn)) void fault(void)
{
    uint32_t exception;
    __asm volatile("mrs %0, ipsr" : "=r"(exception));
    char text[] = "fault: exception 00\n";
    text[17] = (char)('0' + exception / 10 % 10);
    text[18] = (char)('0' + exception % 10);
    semihosting_text(text);
    semihosting_exit(FAULT_CODE);
}

__attribute__((section(".start"), used)) static const void *const vectors[16] = {
    stack_top,
    (const void *)start,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    (const void *)fault,
    0,
    0,
    0,
    (const void *)fault,
    (const void *)fault,
    0,
    (const void *)fault,
    (const void *)fault,
};
