/* SPDX-License-Identifier: MIT */
/* Files of the host by semihosting, of Arm and of RISC-V; the emulator serves the calls. */
#include "io.h"
#include "semihosting.h"

#define SYS_OPEN 0x01
#define SYS_CLOSE 0x02
#define SYS_WRITE0 0x04
#define SYS_WRITE 0x05
#define SYS_READ 0x06
#define SYS_EXIT_EXTENDED 0x20
#define APPLICATION_EXIT 0x20026u
#define MODE_READ 1u  /* "rb" */
#define MODE_WRITE 5u /* "wb" */

static int job, answer;

#if defined(__riscv)
/* The three instructions mark the call: uncompressed, and on one page. */
__attribute__((noinline)) static int semihosting(int operation, const void *arguments)
{
    register int a0 __asm("a0") = operation;
    register const void *a1 __asm("a1") = arguments;
    __asm volatile(".balign 16\n"
                   ".option push\n"
                   ".option norvc\n"
                   "slli zero, zero, 0x1f\n"
                   "ebreak\n"
                   "srai zero, zero, 7\n"
                   ".option pop\n"
                   : "+r"(a0)
                   : "r"(a1)
                   : "memory");
    return a0;
}
#else
static int semihosting(int operation, const void *arguments)
{
    register int r0 __asm("r0") = operation;
    register const void *r1 __asm("r1") = arguments;
    __asm volatile("bkpt 0xAB" : "+r"(r0) : "r"(r1) : "memory");
    return r0;
}
#endif

void semihosting_text(const char *text)
{
    semihosting(SYS_WRITE0, text);
}

void semihosting_exit(int code)
{
    uintptr_t arguments[2] = {APPLICATION_EXIT, (uintptr_t)code};
    for (;;)
        semihosting(SYS_EXIT_EXTENDED, arguments);
}

static int open_file(const char *name, uintptr_t mode)
{
    uintptr_t arguments[3] = {(uintptr_t)name, mode, 0};
    while (name[arguments[2]])
        arguments[2]++;
    return semihosting(SYS_OPEN, arguments);
}

int io_open(void)
{
    job = open_file("job.bin", MODE_READ);
    answer = open_file("answer.bin", MODE_WRITE);
    return job < 0 || answer < 0;
}

void io_close(void)
{
    uintptr_t file = (uintptr_t)job;
    semihosting(SYS_CLOSE, &file);
    file = (uintptr_t)answer;
    semihosting(SYS_CLOSE, &file);
}

int io_read(void *to, size_t n)
{
    uintptr_t arguments[3] = {(uintptr_t)job, (uintptr_t)to, n};
    return n != 0 && semihosting(SYS_READ, arguments) != 0;
}

int io_write(const void *from, size_t n)
{
    uintptr_t arguments[3] = {(uintptr_t)answer, (uintptr_t)from, n};
    return n != 0 && semihosting(SYS_WRITE, arguments) != 0;
}
