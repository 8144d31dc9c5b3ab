/* SPDX-License-Identifier: MIT */
/* From reset to main() on any Cortex-M, and the two functions a compiler may call by itself. */
#include "semihosting.h"

#include <stddef.h>

extern uint32_t data_load[], data_start[], data_end[], bss_start[], bss_end[], stack_top[];
int main(void);
void reset(void);
void fault(void);
void run(void);
void *memcpy(void *to, const void *from, size_t n);
void *memset(void *to, int value, size_t n);

void *memcpy(void *to, const void *from, size_t n)
{
    unsigned char *p = to;
    const unsigned char *q = from;
    while (n--)
        *p++ = *q++;
    return to;
}

void *memset(void *to, int value, size_t n)
{
    unsigned char *p = to;
    while (n--)
        *p++ = (unsigned char)value;
    return to;
}

__attribute__((used)) void run(void)
{
    uint32_t *to, *from = data_load;
#ifdef __ARM_FP
    *(volatile uint32_t *)0xE000ED88u |= 0xFu << 20; /* the float unit on */
    __asm volatile("dsb\n isb" ::: "memory");
#endif
    for (to = data_start; to < data_end;)
        *to++ = *from++;
    for (to = bss_start; to < bss_end;)
        *to++ = 0;
    semihosting_exit(main());
}

__attribute__((naked)) void reset(void)
{
    __asm volatile("ldr r0, =stack_top\n mov sp, r0\n bl run\n .ltorg");
}

void fault(void)
{
    semihosting_exit(99);
}

union vector {
    void *stack;
    void (*handler)(void);
};

__attribute__((section(".vectors"), used)) static const union vector vectors[16] = {
    [0] = {.stack = stack_top}, [1] = {.handler = reset},  [2] = {.handler = fault},
    [3] = {.handler = fault},   [4] = {.handler = fault},  [5] = {.handler = fault},
    [6] = {.handler = fault},   [11] = {.handler = fault}, [12] = {.handler = fault},
    [14] = {.handler = fault},  [15] = {.handler = fault},
};
