/* SPDX-License-Identifier: MIT */
/* The debugger's, here the emulator's, console and files. */
#ifndef SEMIHOSTING_H
#define SEMIHOSTING_H

#include <stdint.h>

enum { SYS_OPEN = 1, SYS_WRITE0 = 4, SYS_WRITE, SYS_READ, SYS_SEEK = 10, SYS_GET_CMDLINE = 21 };
enum { SYS_EXIT_EXTENDED = 32 };

static inline int32_t semihosting(int32_t call, const void *argument)
{
    register int32_t r0 __asm("r0") = call;
    register const void *r1 __asm("r1") = argument;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}

static inline __attribute__((noreturn)) void semihosting_exit(int32_t code)
{
    const int32_t words[2] = {0x20026, code};
    semihosting(SYS_EXIT_EXTENDED, words);
    for (;;) {
    }
}

#endif
