/* SPDX-License-Identifier: MIT */
/* The arithmetic of `w8a16.v1`, one value at a time (docs/numerics.md). */
#ifndef RNNE_W8A16_ARITHMETIC_H
#define RNNE_W8A16_ARITHMETIC_H

#include "../base/bytes.h"
#include "w8a16_kernels.h"

enum {
    RNNE_LARGEST_VALUE = 32767,
    RNNE_MISSING = -32768,
    RNNE_LARGEST_STATE = 1 << 24,
    RNNE_LARGEST_READING = 1 << 23,
    RNNE_STATE_BITS = 15,
    RNNE_GRU_BITS = 24,
    RNNE_ARGUMENT_BITS = 12,
    RNNE_WIDE_BITS = 9,
    RNNE_TANH_SEGMENTS = 64
};

/* Made by scripts/fit_integer_tanh.py. */
extern const int16_t rnne_tanh_value[RNNE_TANH_SEGMENTS];
extern const int16_t rnne_tanh_slope[RNNE_TANH_SEGMENTS];
extern const int16_t rnne_tanh_bend[RNNE_TANH_SEGMENTS];

/* Low and high bytes of value, slope and bend. */
extern const uint8_t rnne_tanh_bytes[6][RNNE_TANH_SEGMENTS];

/* C leaves it to the compiler what a negative number shifted to the right is. */
typedef char rnne_shifts_are_arithmetic[(-3 >> 1) == -2 ? 1 : -1];

static inline int32_t rnne_shifted(int32_t v, int bits)
{
    return (v + (1 << (bits - 1))) >> bits;
}

static inline int64_t rnne_shifted_wide(int64_t v, int bits)
{
    return (v + ((int64_t)1 << (bits - 1))) >> bits;
}

static inline int32_t rnne_limited(int32_t v, int32_t largest)
{
    return v > largest ? largest : v < -largest ? -largest : v;
}

static inline int32_t rnne_saturated(int32_t v)
{
    return rnne_limited(v, RNNE_LARGEST_VALUE);
}

static inline int32_t rnne_scaled(int32_t sum, int32_t multiplier)
{
    return (int32_t)rnne_shifted_wide((int64_t)sum * multiplier, 32);
}

/* Q12 to Q15. */
static inline int32_t rnne_tanh_q(int32_t u)
{
    const int32_t a = u < 0 ? -u : u, k = a >> 9, t = a & 511;
    const int32_t p = rnne_tanh_slope[k] + rnne_shifted(rnne_tanh_bend[k] * (t << 6), 15);
    int32_t v = rnne_tanh_value[k] + rnne_shifted(p * (t << 4), 15);
    v = v > RNNE_LARGEST_VALUE ? RNNE_LARGEST_VALUE : v;
    return u < 0 ? -v : v;
}

/* Sigmoid of twice Q12 as Q16, from 1 to 65,536. */
static inline int32_t rnne_gate_q(int32_t u)
{
    const int32_t g = rnne_tanh_q(u) + 32768;
    return g + (g >> 15);
}

/* ---- conversions (docs/numerics.md, "Segments") ---- */

/* The nearest integer within +-largest, halves up; NaN gives -largest. */
static inline int32_t rnne_q_near(float v, float largest)
{
    v = v > -largest ? v : -largest;
    v = (v > largest ? largest : v) + 0.5f;
    const int32_t cut = (int32_t)v;
    return cut - ((float)cut > v);
}

/* Of model input i, as the network takes it. */
static inline int32_t rnne_q_limited(const rnne_q_inputs *inputs, size_t i, int32_t q)
{
    q = q < inputs->low[i] ? inputs->low[i] : q;
    return q > inputs->high[i] ? inputs->high[i] : q;
}

/* The float32 value that stands for integer q of model input i. */
static inline float rnne_q_reading(const rnne_q_inputs *inputs, size_t i, int32_t q)
{
    return (float)q * inputs->step[i] + inputs->shift[i];
}

/* Model input i, finite. */
int32_t rnne_q_integer(const rnne_q_inputs *inputs, size_t i, float x);

/* real [n] as integers, behind a float layer: near(real * rate). */
void rnne_q_convert(const float *rate, size_t n, const float *real, int16_t *q);

#endif
