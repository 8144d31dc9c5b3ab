/* SPDX-License-Identifier: MIT */
/* Counts the instructions of each step and the stack of all.
 *
 * job: the number of rows, rows; the number of rows, rows.  The first are counted, the second
 * show the stack.  answer, 32-bit words: bytes of the state, ticks of an empty call, ticks of
 * each step, bytes of stack. */
#include "gauge.h"
#include "io.h"

#define PAINT 0xA5C3E197u

enum { OK, NO_FILES = 2, SHORT_JOB, NOT_WRITTEN };

/* A plugin of the emulator counts between the two, where there is no counter to read. */
__attribute__((noinline)) void gauge_start(void)
{
    __asm volatile("");
}

__attribute__((noinline)) void gauge_stop(void)
{
    __asm volatile("");
}

#if defined(GAUGE_SYSTICK)
#define SYST ((volatile uint32_t *)0xE000E010u)
#define WRAPPED (1u << 16)

static void counter_begin(void)
{
    SYST[1] = 0xFFFFFFu;
    SYST[2] = 0;
    SYST[0] = 5;
    (void)SYST[0];
}

static uint32_t counter_read(void)
{
    return 0xFFFFFFu - SYST[2];
}

static int counter_is_wrong(void)
{
    return (SYST[0] & WRAPPED) != 0;
}
#else
static void counter_begin(void)
{
}

static uint32_t counter_read(void)
{
    uint32_t count = 0;
#if defined(__riscv)
    __asm volatile(".option push\n"
                   ".option arch, +zicsr\n"
                   "csrr %0, minstret\n"
                   ".option pop\n"
                   : "=r"(count)::"memory");
#endif
    return count;
}

static int counter_is_wrong(void)
{
    return 0;
}
#endif

static void nothing(void)
{
    __asm volatile("");
}

__attribute__((noinline)) static uint32_t count(void (*call)(void))
{
    counter_begin();
    gauge_start();
    uint32_t from = counter_read();
    call();
    uint32_t to = counter_read();
    gauge_stop();
    return counter_is_wrong() ? UINT32_MAX : to - from;
}

#if defined(__wasm__)
static uint32_t painted_step(void)
{
    gauge_step();
    return 0;
}
#else
#if defined(__unix__)
#define LOWEST(sp) ((sp) - (64 << 10))
#else
extern char bss_end[];
#define LOWEST(sp) bss_end
#endif

static char *stack_pointer(void)
{
    char *sp;
#if defined(__riscv)
    __asm volatile("mv %0, sp" : "=r"(sp));
#else
    __asm volatile("mov %0, sp" : "=r"(sp));
#endif
    return sp;
}

/* Nothing below the stack pointer is in use: no interrupt is on, the paint stays. */
__attribute__((noinline)) static uint32_t painted_step(void)
{
    char *sp = stack_pointer();
    volatile uint32_t *lowest = (volatile uint32_t *)(((uintptr_t)LOWEST(sp) + 7) & ~(uintptr_t)7);
    volatile uint32_t *p;
    for (p = lowest; (char *)p < sp; p++)
        *p = PAINT;
    gauge_step();
    for (p = lowest; (char *)p < sp && *p == PAINT;)
        p++;
    return (uint32_t)(sp - (char *)p);
}
#endif

static int show_stack(uint32_t num_rows, uint32_t *nbytes)
{
    *nbytes = 0;
    for (; num_rows; num_rows--) {
        if (io_read(gauge_input, gauge_input_nbytes))
            return SHORT_JOB;
        gauge_prepare();
        uint32_t found = painted_step();
        if (found > *nbytes)
            *nbytes = found;
    }
    return OK;
}

int main(void)
{
    uint32_t num_rows, word;
    void *const *volatile kept = gauge_kept;
    (void)kept[0];
    if (io_open())
        return NO_FILES;
    if (io_write(&gauge_state_nbytes, sizeof word))
        return NOT_WRITTEN;
    gauge_reset();
    word = count(nothing);
    if (io_write(&word, sizeof word))
        return NOT_WRITTEN;
    if (io_read(&num_rows, sizeof num_rows))
        return SHORT_JOB;
    for (; num_rows; num_rows--) {
        if (io_read(gauge_input, gauge_input_nbytes))
            return SHORT_JOB;
        gauge_prepare();
        word = count(gauge_step);
        if (io_write(&word, sizeof word))
            return NOT_WRITTEN;
    }
    if (io_read(&num_rows, sizeof num_rows) || show_stack(num_rows, &word))
        return SHORT_JOB;
    if (io_write(&word, sizeof word))
        return NOT_WRITTEN;
    io_close();
    return OK;
}
