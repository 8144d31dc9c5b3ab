/* SPDX-License-Identifier: MIT */
/* Start-up of a 32-bit RISC-V in machine mode: traps to the host, floating point on, main. */
#include "semihosting.h"

#define FAULT_CODE 99

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[];
int main(void);
void start(void);
void fault(void);
void start_c(void);

__attribute__((noreturn, used)) void start_c(void)
{
    for (uint32_t *to = data_start, *from = data_load; to < data_end;)
        *to++ = *from++;
    for (uint32_t *to = bss_start; to < bss_end;)
        *to++ = 0;
    semihosting_exit(main());
}

__attribute__((naked, noreturn, section(".start"))) void start(void)
{
    __asm volatile(".option push\n"
                   ".option arch, +zicsr\n"
                   "la sp, stack_top\n"
                   "la t0, fault\n"
                   "csrw mtvec, t0\n"
                   "li t0, 0x2000\n" /* mstatus.FS = initial; no effect without a unit */
                   "csrs mstatus, t0\n"
                   ".option pop\n"
                   "j start_c\n");
}

__attribute__((noreturn, aligned(4), used)) void fault(void)
{
    uint32_t cause;
    __asm volatile(".option push\n"
                   ".option arch, +zicsr\n"
                   "csrr %0, mcause\n"
                   ".option pop\n"
                   : "=r"(cause));
    char text[] = "fault: cause 00\n";
    text[13] = (char)('0' + cause / 10 % 10);
    text[14] = (char)('0' + cause % 10);
    semihosting_text(text);
    semihosting_exit(FAULT_CODE);
}
