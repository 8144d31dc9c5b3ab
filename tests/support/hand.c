/* FAULT plants one mistake; hand_weights.h, with weights and digest, is written by the test. */
#include "hand.h"
#include "hand_weights.h"

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#endif

enum {
    NONE,
    WRONG_BIT,
    RUN_FORGETS,
    SAVE_FORGETS,
    RESTORE_FORGETS,
    RESTORE_TRUSTS,
    NOTHING_HELD,
    SELFTEST_FAILS,
    DIES,
    HANGS
};

#ifndef FAULT
#define FAULT NONE
#endif

static int is_finite(float value)
{
    union {
        float value;
        uint32_t bits;
    } word = {value};
    return (word.bits & 0x7f800000u) != 0x7f800000u;
}

static float flush(float z)
{
    return (z < 0 ? -z : z) < 0x1p-50f ? 0.0f : z;
}

void hand_reset(hand_state *s)
{
    s->num_steps = 0;
    for (int k = 0; k < HAND_UNITS; k++)
        s->h[k] = 0.0f;
    for (int k = 0; k < HAND_FEATURES; k++)
        s->held[k] = 0.0f;
}

void hand_step(hand_state *s, const float *x, float *y)
{
    float h[HAND_UNITS];
#if defined(NOPS) && NOPS
    __asm volatile(".rept 100\n nop\n .endr");
#endif
    for (int k = 0; k < HAND_FEATURES; k++) {
        if (is_finite(x[k]))
            s->held[k] = x[k];
        else if (FAULT == NOTHING_HELD)
            s->held[k] = 0.0f;
    }
    for (int k = 0; k < HAND_UNITS; k++) {
        float sum = bias[k];
        for (int j = 0; j < HAND_FEATURES; j++)
            sum += input[k][j] * flush(s->held[j]);
        for (int j = 0; j < HAND_UNITS; j++)
            sum += recurrent[k][j] * s->h[j];
        h[k] = flush(sum < 0 ? 0.0f : sum);
    }
    for (int k = 0; k < HAND_UNITS; k++)
        s->h[k] = h[k];
    for (int k = 0; k < HAND_OUTPUT_SIZE; k++) {
        float sum = output_bias[k];
        for (int j = 0; j < HAND_UNITS; j++)
            sum += output[k][j] * h[j];
        y[k] = flush(sum);
    }
    s->num_steps++;
    if (FAULT == WRONG_BIT && s->num_steps == 400)
        y[1] = y[1] * 1.0000001f;
    if (FAULT == DIES && s->num_steps == 400)
        __builtin_trap();
    while (FAULT == HANGS && s->num_steps == 400)
        *(volatile float *)y = 0;
}

void hand_run(hand_state *s, const float *xs, size_t n, float *ys)
{
    if (FAULT == RUN_FORGETS)
        hand_reset(s);
    for (; n; n--, xs += HAND_INPUT_SIZE, ys += HAND_OUTPUT_SIZE)
        hand_step(s, xs, ys);
}

static unsigned char *put(unsigned char *to, const void *from, size_t n)
{
    for (size_t k = 0; k < n; k++)
        to[k] = ((const unsigned char *)from)[k];
    return to + n;
}

static unsigned char *put_tensor(unsigned char *to, const float *from, uint32_t n)
{
    static const uint32_t kind = 0;
    to = put(to, &kind, 4);
    to = put(to, &n, 4);
    return put(to, from, 4 * n);
}

static uint32_t crc32(const unsigned char *from, size_t n)
{
    uint32_t crc = 0xFFFFFFFFu;
    for (size_t k = 0; k < n; k++) {
        crc ^= from[k];
        for (int bit = 0; bit < 8; bit++)
            crc = crc & 1 ? crc >> 1 ^ 0xEDB88320u : crc >> 1;
    }
    return ~crc;
}

/* As docs/format.md has it; little-endian processors alone. */
void hand_save(const hand_state *s, void *buffer)
{
    static const unsigned char head[8] = {'R', 'N', 'N', 'S', 1, 0, 2, 0};
    static const char numerics[16] = "f32.v1";
    hand_state copy = *s;
    unsigned char *to = put(buffer, head, 8);
    uint32_t crc;
    if (FAULT == SAVE_FORGETS)
        copy.h[1] = 0.0f;
    to = put(put(put(to, digest, 16), numerics, 16), &copy.num_steps, 8);
    to = put_tensor(to, copy.h, HAND_UNITS);
    to = put_tensor(to, copy.held, HAND_FEATURES);
    crc = crc32(buffer, HAND_SNAPSHOT_NBYTES - 4);
    put(to, &crc, 4);
}

int hand_restore(hand_state *s, const void *buffer, size_t nbytes)
{
    const unsigned char *from = buffer;
    uint32_t crc = crc32(from, HAND_SNAPSHOT_NBYTES - 4);
    unsigned char expected[4];
    put(expected, &crc, 4);
    if (nbytes != HAND_SNAPSHOT_NBYTES)
        return 1;
    for (int k = 0; k < 4 && FAULT != RESTORE_TRUSTS; k++)
        if (from[HAND_SNAPSHOT_NBYTES - 4 + k] != expected[k])
            return 2;
    put((unsigned char *)&s->num_steps, from + 40, 8);
    put((unsigned char *)s->h, from + 56, sizeof s->h);
    put((unsigned char *)s->held, from + 64 + sizeof s->h, sizeof s->held);
    if (FAULT == RESTORE_FORGETS)
        s->h[1] = 0.0f;
    return 0;
}

int hand_selftest(void)
{
    return FAULT == SELFTEST_FAILS;
}

void hand_time(int64_t t, float *to)
{
    (void)t;
    (void)to;
}
