/* SPDX-License-Identifier: MIT */
/*
 * rnnedge: the layers of a model in the arithmetic w8a16.v1, for generated C sources.
 *
 * Weights of 8 bits, values of 16, sums of 32; sums are exact, so their order is free.  All but
 * the section "between float and integers" is integers only.
 *
 * Matrices are in panels of 4 rows (of a cell: the same gate of 4 units), a panel in groups of
 * 4 columns, a group row by row: one load of 32 bits is a row's weights of columns 0 2 1 3, of
 * which even and odd bytes are the pairs that two multiplications take.  Gaps hold zeros.
 *
 * Define RNNE_PLAIN_C to do without assembly and vectors; the bytes stay the same.
 */
#ifndef RNNEDGE_W8A16_H
#define RNNEDGE_W8A16_H

#include "rnnedge_f32.h"

/* Right shifts of negative values go towards minus infinity: so do all compilers known. */
typedef char rnne_right_shifts_are_arithmetic[((int32_t)-5 >> 1) == -3 ? 1 : -1];

#if defined(RNNE_PLAIN_C) || !defined(__GNUC__) || defined(__ARM_BIG_ENDIAN)
#elif defined(__ARM_FEATURE_MVE)
#define RNNE_Q_MVE 1
#include <arm_mve.h>
#elif defined(__ARM_FEATURE_SIMD32) && defined(__arm__)
#define RNNE_Q_DSP 1 /* instructions on pairs of 16 bits */
#elif defined(__SSE2__)
#define RNNE_Q_GROUPS 1 /* a group of weights is a vector of 16 bytes */
#include <emmintrin.h>
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define RNNE_Q_GROUPS 1
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#define RNNE_Q_GROUPS 1
#include <wasm_simd128.h>
#endif

#ifdef __GNUC__
#define RNNE_ALIGNED __attribute__((aligned(4))) /* what is loaded by words of 32 bits */
#else
#define RNNE_ALIGNED
#endif

enum { RNNE_Q_LARGEST = 32767, RNNE_Q_MISSING = -32768, RNNE_Q_LARGEST_STATE = 1 << 24 };

RNNE_INLINE int32_t rnne_q_limit(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* At most 32767, of what is not negative. */
RNNE_INLINE int32_t rnne_q_at_most(int32_t v)
{
#if defined(RNNE_Q_DSP)
    int32_t out;
    __asm__("usat %0, #15, %1" : "=r"(out) : "r"(v) : "cc");
    return out;
#else
    return v > RNNE_Q_LARGEST ? RNNE_Q_LARGEST : v;
#endif
}

/* Within [-32767, 32767]. */
RNNE_INLINE int32_t rnne_q_sat(int32_t v)
{
    return rnne_q_limit(v, -RNNE_Q_LARGEST, RNNE_Q_LARGEST);
}

/* v / 2^bits, halves up. */
RNNE_INLINE int32_t rnne_q_shift(int32_t v, int bits)
{
    return (v + ((int32_t)1 << (bits - 1))) >> bits;
}

/* sum * multiplier / 2^32, halves up; the multiplier is 0 to 2^30 - 1. */
RNNE_INLINE int32_t rnne_q_scaled(int32_t sum, int32_t multiplier)
{
#if defined(__thumb__) && !defined(__thumb2__) /* no product of 64 bits */
    const int32_t high = sum >> 16;
    const uint32_t low = (uint32_t)sum & 0xffffu;
    const uint32_t m_high = (uint32_t)multiplier >> 16, m_low = (uint32_t)multiplier & 0xffffu;
    const int32_t middle = high * (int32_t)m_low + (int32_t)(low * m_low >> 16);
    const uint32_t rest = ((uint32_t)middle & 0xffffu) + low * m_high + 0x8000u;
    return high * (int32_t)m_high + (middle >> 16) + (int32_t)(rest >> 16);
#else
    return (int32_t)(((int64_t)sum * multiplier + ((int64_t)1 << 31)) >> 32);
#endif
}

/* ---- vectors of RNNE_Q_LANES sums, beside + - * ---- */

#ifdef RNNE_Q_MVE
#define RNNE_Q_LANES 4
typedef int32x4_t rnne_qv;

RNNE_INLINE rnne_qv rnne_qv_load(const int32_t *p)
{
    return vldrwq_s32(p);
}

RNNE_INLINE rnne_qv rnne_qv_load16(const int16_t *p)
{
    return vldrhq_s32(p);
}

RNNE_INLINE void rnne_qv_store(int32_t *p, rnne_qv v)
{
    vstrwq_s32(p, v);
}

RNNE_INLINE void rnne_qv_store16(int16_t *p, rnne_qv v)
{
    vstrhq_s32(p, v);
}

RNNE_INLINE rnne_qv rnne_qv_limit(rnne_qv v, int32_t low, int32_t high)
{
    return vminq_s32(vmaxq_s32(v, vdupq_n_s32(low)), vdupq_n_s32(high));
}

/* v / 2^bits, halves up. */
RNNE_INLINE rnne_qv rnne_qv_shift(rnne_qv v, int bits)
{
    return vrshlq_n_s32(v, -bits);
}

/* v + sum * multiplier / 2^32, halves up. */
RNNE_INLINE rnne_qv rnne_qv_onto(rnne_qv v, rnne_qv sum, rnne_qv multiplier)
{
    return vaddq_s32(v, vrmulhq_s32(sum, multiplier));
}

RNNE_INLINE rnne_qv rnne_qv_part(rnne_qv gate, rnne_qv v)
{
    const uint32x4_t low = vmovlbq_u16(vreinterpretq_u16_s32(v));
    const uint32x4_t rest = vrshrq_n_u32(vmulq_u32(vreinterpretq_u32_s32(gate), low), 16);
    return vaddq_s32(vmulq_s32(gate, vshrq_n_s32(v, 16)), vreinterpretq_s32_u32(rest));
}
#else
#define RNNE_Q_LANES 1
typedef int32_t rnne_qv;

RNNE_INLINE rnne_qv rnne_qv_load(const int32_t *p)
{
    return *p;
}

RNNE_INLINE rnne_qv rnne_qv_load16(const int16_t *p)
{
    return *p;
}

RNNE_INLINE void rnne_qv_store(int32_t *p, rnne_qv v)
{
    *p = v;
}

RNNE_INLINE void rnne_qv_store16(int16_t *p, rnne_qv v)
{
    *p = (int16_t)v;
}

RNNE_INLINE rnne_qv rnne_qv_limit(rnne_qv v, int32_t low, int32_t high)
{
    return rnne_q_limit(v, low, high);
}

/* v / 2^bits, halves up. */
RNNE_INLINE rnne_qv rnne_qv_shift(rnne_qv v, int bits)
{
    return rnne_q_shift(v, bits);
}

/* v + sum * multiplier / 2^32, halves up. */
RNNE_INLINE rnne_qv rnne_qv_onto(rnne_qv v, rnne_qv sum, rnne_qv multiplier)
{
#ifdef RNNE_Q_DSP
    rnne_qv out;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(out) : "r"(sum), "r"(multiplier), "r"(v));
    return out;
#else
    return v + rnne_q_scaled(sum, multiplier);
#endif
}

/* The part of v that a gate, 0 to 2^16, lets through: gate * v / 2^16, halves up. */
RNNE_INLINE rnne_qv rnne_qv_part(rnne_qv gate, rnne_qv v)
{
    const uint32_t low = (uint32_t)v & 0xffffu;
    return gate * (v >> 16) + (int32_t)(((uint32_t)gate * low + 0x8000u) >> 16);
}
#endif

RNNE_INLINE rnne_qv rnne_qv_sat(rnne_qv v)
{
    return rnne_qv_limit(v, -RNNE_Q_LARGEST, RNNE_Q_LARGEST);
}

/*
 * ---- functions: segments of tanh, 1/8 wide: value and slope at the start, bend ----
 */

static const RNNE_ALIGNED int16_t rnne_q_line[64][2] = {
    {0, 16417}, {4074, 16173}, {8025, 15434}, {11742, 14309}, {15143, 12885}, {18173, 11345},
    {20813, 9756}, {23066, 8249}, {24956, 6867}, {26519, 5646}, {27797, 4573}, {28830, 3694},
    {29660, 2950}, {30322, 2343}, {30847, 1857}, {31262, 1468}, {31589, 1157}, {31846, 912},
    {32048, 708}, {32206, 553}, {32329, 441}, {32426, 337}, {32501, 268}, {32560, 211},
    {32606, 160}, {32642, 124}, {32670, 89}, {32691, 86}, {32708, 64}, {32722, 33},
    {32732, 31}, {32740, 24}, {32746, 21}, {32751, 15}, {32755, 9}, {32758, 5},
    {32760, 7}, {32762, 0}, {32763, 6}, {32764, 6}, {32765, -1}, {32766, -8},
    {32766, -10}, {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0},
    {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0},
    {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0},
    {32767, 0}, {32767, 0}, {32767, 0}, {32767, 0}};
static const RNNE_ALIGNED int16_t rnne_q_bend[64] = {
    -113, -364, -561, -707, -763, -787, -745, -690, -615, -538, -441, -376, -304, -244, -197, -160,
    -128, -105, -77, -60, -54, -36, -32, -28, -17, -13, -3, -18, -10, 8, 1, 0,
    -1, 0, 1, 3, 0, 6, -1, -1, 5, 9, 17, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0};

/* Tanh of v / 2^12, times 2^15. */
RNNE_INLINE rnne_qv rnne_q_tanh(rnne_qv v)
{
#ifdef RNNE_Q_MVE
    const int32x4_t largest = vdupq_n_s32(RNNE_Q_LARGEST), sign = vshrq_n_s32(v, 31);
    const uint32x4_t a = vreinterpretq_u32_s32(vminq_s32(vabsq_s32(v), largest));
    const uint32x4_t k = vshrq_n_u32(a, 9);
    const int32x4_t t = vreinterpretq_s32_u32(vandq_u32(a, vdupq_n_u32(511)));
    const int16x8_t line = vreinterpretq_s16_s32(
        vldrwq_gather_shifted_offset_s32((const int32_t *)(const void *)rnne_q_line, k));
    const int32x4_t bend = vldrhq_gather_shifted_offset_s32(rnne_q_bend, k);
    const int32x4_t slope = vmovltq_s16(line) + vrshrq_n_s32(bend * t, 9);
    const int32x4_t y = vmovlbq_s16(line) + vrshrq_n_s32(slope * t, 11);
    return (vminq_s32(y, largest) ^ sign) - sign;
#else
    const int32_t sign = v >> 31;
    const int32_t a = rnne_q_at_most((v ^ sign) - sign);
    const int32_t k = a >> 9, t = a & 511;
    const int32_t slope = rnne_q_line[k][1] + rnne_q_shift(rnne_q_bend[k] * t, 9);
    const int32_t y = rnne_q_line[k][0] + rnne_q_shift(slope * t, 11);
    return (rnne_q_at_most(y) ^ sign) - sign;
#endif
}

/* Sigmoid of v / 2^11, times 2^16: 1 to 65536. */
RNNE_INLINE rnne_qv rnne_q_gate(rnne_qv v)
{
    const rnne_qv gate = rnne_q_tanh(v) + 32768;
    return gate + (gate >> 15);
}

typedef enum rnne_q_function { RNNE_Q_TANH, RNNE_Q_RELU, RNNE_Q_SIGMOID } rnne_q_function;

RNNE_INLINE rnne_qv rnne_q_apply(rnne_q_function function, rnne_qv v)
{
    switch (function) {
    case RNNE_Q_TANH: return rnne_q_tanh(v);
    case RNNE_Q_RELU: return rnne_qv_limit(v, 0, RNNE_Q_LARGEST);
    case RNNE_Q_SIGMOID: break;
    }
    return rnne_qv_sat((rnne_q_gate(v) + 1) >> 1);
}

/* ---- products: panels of 4 rows, in each a group of 4 columns after the other ---- */

#if defined(__SSE2__) && defined(RNNE_Q_GROUPS)
typedef __m128i rnne_q_sum4;

RNNE_INLINE rnne_q_sum4 rnne_q_group(rnne_q_sum4 a, const int8_t *w, const int16_t *z)
{
    const __m128i v = _mm_loadu_si128((const __m128i *)(const void *)w);
    const __m128i pairs = _mm_loadl_epi64((const __m128i *)(const void *)z);
    const __m128i even = _mm_srai_epi16(_mm_slli_epi16(v, 8), 8), odd = _mm_srai_epi16(v, 8);
    a = _mm_add_epi32(a, _mm_madd_epi16(even, _mm_shuffle_epi32(pairs, 0x00)));
    return _mm_add_epi32(a, _mm_madd_epi16(odd, _mm_shuffle_epi32(pairs, 0x55)));
}

RNNE_INLINE rnne_q_sum4 rnne_q_no_sum(void)
{
    return _mm_setzero_si128();
}

RNNE_INLINE void rnne_q_give(rnne_q_sum4 a, int32_t *sums)
{
    _mm_storeu_si128((__m128i *)(void *)sums, a);
}
#elif defined(__aarch64__) && defined(RNNE_Q_GROUPS)
typedef struct rnne_q_sum4 {
    int32x4_t rows01, rows23; /* sums of even and of odd columns */
} rnne_q_sum4;

RNNE_INLINE int32x4_t rnne_q_row_pair(int32x4_t a, int16x4_t even, int16x4_t odd, int16x4x2_t z)
{
    return vmlal_s16(vmlal_s16(a, even, z.val[0]), odd, z.val[1]);
}

RNNE_INLINE rnne_q_sum4 rnne_q_group(rnne_q_sum4 a, const int8_t *w, const int16_t *z)
{
    const int16x8_t v = vreinterpretq_s16_s8(vld1q_s8(w));
    const int16x8_t even = vshrq_n_s16(vshlq_n_s16(v, 8), 8), odd = vshrq_n_s16(v, 8);
    const int32x2_t pairs = vreinterpret_s32_s16(vld1_s16(z));
    int16x4x2_t twice;
    twice.val[0] = vreinterpret_s16_s32(vdup_lane_s32(pairs, 0));
    twice.val[1] = vreinterpret_s16_s32(vdup_lane_s32(pairs, 1));
    a.rows01 = rnne_q_row_pair(a.rows01, vget_low_s16(even), vget_low_s16(odd), twice);
    a.rows23 = rnne_q_row_pair(a.rows23, vget_high_s16(even), vget_high_s16(odd), twice);
    return a;
}

RNNE_INLINE rnne_q_sum4 rnne_q_no_sum(void)
{
    rnne_q_sum4 a;
    a.rows01 = a.rows23 = vdupq_n_s32(0);
    return a;
}

RNNE_INLINE void rnne_q_give(rnne_q_sum4 a, int32_t *sums)
{
    vst1q_s32(sums, vpaddq_s32(a.rows01, a.rows23));
}
#elif defined(RNNE_Q_GROUPS)
typedef v128_t rnne_q_sum4;

RNNE_INLINE rnne_q_sum4 rnne_q_group(rnne_q_sum4 a, const int8_t *w, const int16_t *z)
{
    const v128_t v = wasm_v128_load(w);
    const v128_t even = wasm_i16x8_shr(wasm_i16x8_shl(v, 8), 8), odd = wasm_i16x8_shr(v, 8);
    a = wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(even, wasm_v128_load32_splat(z)));
    return wasm_i32x4_add(a, wasm_i32x4_dot_i16x8(odd, wasm_v128_load32_splat(z + 2)));
}

RNNE_INLINE rnne_q_sum4 rnne_q_no_sum(void)
{
    return wasm_i32x4_const(0, 0, 0, 0);
}

RNNE_INLINE void rnne_q_give(rnne_q_sum4 a, int32_t *sums)
{
    wasm_v128_store(sums, a);
}
#endif

/* The sums of 4 rows over groups of 4 columns; the result is where the weights go on. */
#ifdef RNNE_Q_DSP
#define RNNE_ROW(a, w)                                                                         \
    "sxtb16 %[t], " w "\n\tsmlad %[" a "], %[t], %Q[z4], %[" a "]\n\t"                           \
    "sxtb16 %[t], " w ", ror #8\n\tsmlad %[" a "], %[t], %R[z4], %[" a "]\n\t"
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, t;
    uint64_t z4, w8;
    __asm__ volatile("1:\tldrd %Q[z4], %R[z4], [%[z]], #8\n\t"
                     "ldrd %Q[w8], %R[w8], [%[w]], #8\n\t"
                     RNNE_ROW("a0", "%Q[w8]") RNNE_ROW("a1", "%R[w8]")
                     "ldrd %Q[w8], %R[w8], [%[w]], #8\n\t"
                     RNNE_ROW("a2", "%Q[w8]") RNNE_ROW("a3", "%R[w8]")
                     "subs %[n], %[n], #1\n\tbne 1b"
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [t] "=&r"(t),
                       [z4] "=&r"(z4), [w8] "=&r"(w8), [w] "+r"(w), [z] "+r"(z), [n] "+r"(groups)
                     :
                     : "cc", "memory");
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return w;
}
#elif defined(RNNE_Q_MVE)
#define RNNE_Q_FENCE __asm__ volatile("" : : : "memory")
typedef int32_t rnne_q_word __attribute__((may_alias));

RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    const uint32x4_t places = vmulq_n_u32(vidupq_n_u32(0, 1), 16); /* of a row in 4 groups */
    int32_t a[4] = {0, 0, 0, 0};
    int32x4_t rest = vdupq_n_s32(0);
    RNNE_Q_FENCE; /* the int16 of z are read in words */
    for (; groups >= 4; groups -= 4, w += 64, z += 16) {
        const int32x4x2_t pairs = vld2q_s32((const int32_t *)(const void *)z);
        const int16x8_t even = vreinterpretq_s16_s32(pairs.val[0]);
        const int16x8_t odd = vreinterpretq_s16_s32(pairs.val[1]);
        int row;
        for (row = 0; row < 4; row++) {
            const int8x16_t v = vreinterpretq_s8_s32(vldrwq_gather_offset_s32(
                (const int32_t *)(const void *)(w + 4 * row), places));
            a[row] = vmladavaq_s16(a[row], vmovlbq_s8(v), even);
            a[row] = vmladavaq_s16(a[row], vmovltq_s8(v), odd);
        }
    }
    for (; groups; groups--, w += 16, z += 4) {
        const rnne_q_word *const words = (const rnne_q_word *)(const void *)z;
        const int16x8_t z01 = vreinterpretq_s16_s32(vdupq_n_s32(words[0]));
        const int16x8_t z23 = vreinterpretq_s16_s32(vdupq_n_s32(words[1]));
        const int8x16_t v = vldrbq_s8(w);
        const int16x8_t w01 = vmovlbq_s8(v), w23 = vmovltq_s8(v);
        rest += vmullbq_int_s16(w01, z01) + vmulltq_int_s16(w01, z01);
        rest += vmullbq_int_s16(w23, z23) + vmulltq_int_s16(w23, z23);
    }
    vstrwq_s32(sums, vaddq_s32(rest, vldrwq_s32(a)));
    RNNE_Q_FENCE;
    return w;
}
#elif defined(RNNE_Q_GROUPS)
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    rnne_q_sum4 a = rnne_q_no_sum();
    for (; groups; groups--, w += 16, z += 4)
        a = rnne_q_group(a, w, z);
    rnne_q_give(a, sums);
    return w;
}
#else
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    for (; groups; groups--, w += 16, z += 4) {
        const int32_t z0 = z[0], z1 = z[1], z2 = z[2], z3 = z[3];
        a0 += w[0] * z0 + w[1] * z2 + w[2] * z1 + w[3] * z3;
        a1 += w[4] * z0 + w[5] * z2 + w[6] * z1 + w[7] * z3;
        a2 += w[8] * z0 + w[9] * z2 + w[10] * z1 + w[11] * z3;
        a3 += w[12] * z0 + w[13] * z2 + w[14] * z1 + w[15] * z3;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return w;
}
#endif

/* Scaled products with x and h, and the bias; rows: 4 multipliers of each, 4 biases. */
RNNE_FUNCTION const int8_t *rnne_q_arguments(const int8_t *w, const int32_t *rows,
                                             const int16_t *x, size_t x_groups,
                                             const int16_t *h, size_t h_groups, int32_t *out)
{
    int32_t from_x[4], from_h[4];
    int i;
    w = rnne_q_sums(w, x, x_groups, from_x);
    w = rnne_q_sums(w, h, h_groups, from_h);
    for (i = 0; i < 4; i += RNNE_Q_LANES) {
        rnne_qv v = rnne_qv_load(rows + 8 + i);
        v = rnne_qv_onto(v, rnne_qv_load(from_x + i), rnne_qv_load(rows + i));
        v = rnne_qv_onto(v, rnne_qv_load(from_h + i), rnne_qv_load(rows + 4 + i));
        rnne_qv_store(out + i, v);
    }
    return w;
}

/* out = W z + bias; rows: 4 multipliers and 4 biases a panel. Whole panels are written. */
RNNE_FUNCTION void rnne_q_linear(const int8_t *w, const int32_t *rows, size_t panels,
                                 const int16_t *z, size_t groups, int16_t *out)
{
    for (; panels; panels--, rows += 8, out += 4) {
        int32_t sums[4];
        int i;
        w = rnne_q_sums(w, z, groups, sums);
        for (i = 0; i < 4; i += RNNE_Q_LANES) {
            rnne_qv v = rnne_qv_load(rows + 4 + i);
            v = rnne_qv_onto(v, rnne_qv_load(sums + i), rnne_qv_load(rows + i));
            rnne_qv_store16(out + i, rnne_qv_sat(v));
        }
    }
}

/*
 * ---- cells: blocks of 4 units, a panel per gate; the last block is written in full ----
 *
 * w: per panel the groups of x, then of h.  rows: per panel 4 multipliers for x, 4 for h and
 * 4 biases.
 */

/* The new h goes to `out`. */
RNNE_FUNCTION void rnne_q_rnn(rnne_q_function function, const int8_t *w, const int32_t *rows,
                              const int16_t *x, size_t x_groups, const int16_t *h, size_t blocks,
                              int16_t *out)
{
    const size_t h_groups = blocks;
    for (; blocks; blocks--, rows += 12, out += 4) {
        int32_t v[4];
        int j;
        w = rnne_q_arguments(w, rows, x, x_groups, h, h_groups, v);
        for (j = 0; j < 4; j += RNNE_Q_LANES)
            rnne_qv_store16(out + j, rnne_q_apply(function, rnne_qv_load(v + j)));
    }
}

/* Gates i f g o.  c, with cell_bits fraction bits, is replaced; the new h goes to `out`. */
RNNE_FUNCTION void rnne_q_lstm(const int8_t *w, const int32_t *rows, const int16_t *x,
                               size_t x_groups, const int16_t *h, size_t h_groups, size_t blocks,
                               int cell_bits, int32_t *c, int16_t *out)
{
    enum { LARGEST = RNNE_Q_LARGEST_STATE };
    for (; blocks; blocks--, c += 4, out += 4) {
        int32_t v[16];
        int j;
        for (j = 0; j < 16; j += 4, rows += 12)
            w = rnne_q_arguments(w, rows, x, x_groups, h, h_groups, v + j);
        for (j = 0; j < 4; j += RNNE_Q_LANES) {
            const rnne_qv input = rnne_q_gate(rnne_qv_load(v + j));
            const rnne_qv change = input * rnne_q_tanh(rnne_qv_load(v + 8 + j));
            const rnne_qv forget = rnne_q_gate(rnne_qv_load(v + 4 + j));
            const rnne_qv kept = rnne_qv_part(forget, rnne_qv_load(c + j));
            const rnne_qv sum = kept + rnne_qv_shift(change, 31 - cell_bits);
            const rnne_qv cell = rnne_qv_limit(sum, -LARGEST, LARGEST);
            const rnne_qv open = rnne_q_tanh(rnne_qv_shift(cell, cell_bits - 12));
            const rnne_qv output = rnne_q_gate(rnne_qv_load(v + 12 + j));
            rnne_qv_store(c + j, cell);
            rnne_qv_store16(out + j, rnne_qv_shift(output * open, 16));
        }
    }
}

/*
 * Gates r z n, r after the recurrent product; the panel of n has 4 more biases, of n_rec.
 * h: the new state with 24 fraction bits; h15: the state before, which stays.
 */
RNNE_FUNCTION void rnne_q_gru(const int8_t *w, const int32_t *rows, const int16_t *x,
                              size_t x_groups, const int16_t *h15, size_t blocks, int32_t *h)
{
    const size_t h_groups = blocks;
    for (; blocks; blocks--, rows += 40, h += 4) {
        const int32_t *const of_n = rows + 24;
        int32_t r[4], u[4], n_in[4], n_rec[4];
        int j;
        w = rnne_q_arguments(w, rows, x, x_groups, h15, h_groups, r);
        w = rnne_q_arguments(w, rows + 12, x, x_groups, h15, h_groups, u);
        w = rnne_q_sums(w, x, x_groups, n_in);
        w = rnne_q_sums(w, h15, h_groups, n_rec);
        for (j = 0; j < 4; j += RNNE_Q_LANES) {
            const rnne_qv gate = rnne_q_gate(rnne_qv_load(r + j));
            const rnne_qv from_x = rnne_qv_onto(
                rnne_qv_load(of_n + 8 + j), rnne_qv_load(n_in + j), rnne_qv_load(of_n + j));
            const rnne_qv from_h = rnne_qv_onto(
                rnne_qv_load(of_n + 12 + j), rnne_qv_load(n_rec + j), rnne_qv_load(of_n + 4 + j));
            const rnne_qv n = rnne_q_tanh(from_x + rnne_qv_part(gate, from_h)) * 512;
            const rnne_qv update = rnne_q_gate(rnne_qv_load(u + j));
            rnne_qv_store(h + j, n + rnne_qv_part(update, rnne_qv_load(h + j) - n));
        }
    }
}

/* What a gru gives: its state with 15 fraction bits. */
RNNE_FUNCTION void rnne_q_gru_output(size_t blocks, const int32_t *h, int16_t *out)
{
    size_t i;
    for (i = 0; i < 4 * blocks; i += RNNE_Q_LANES)
        rnne_qv_store16(out + i, rnne_qv_sat(rnne_qv_shift(rnne_qv_load(h + i), 9)));
}

/* ---- small layers; they fill the last group of 4 with zeros ---- */

RNNE_INLINE void rnne_q_fill(size_t n, int16_t *out)
{
    for (; n % 4; n++)
        out[n] = 0;
}

RNNE_INLINE void rnne_q_copy(size_t n, const int16_t *from, int16_t *to)
{
    size_t i;
    for (i = 0; i < n; i++)
        to[i] = from[i];
}

/* v * gain / 2^15, halves up. */
RNNE_INLINE int32_t rnne_q_gained(int32_t v, int32_t gain)
{
    return rnne_q_shift(v * gain, 15);
}

/* Whole groups are written; may be in place. Beyond `bound`, where the product would leave 32 bits,
   the function has long reached its limit. */
RNNE_FUNCTION void rnne_q_map(rnne_q_function function, int32_t gain, int32_t bound, size_t n,
                              const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i += RNNE_Q_LANES) {
        const rnne_qv v = 
            rnne_qv_shift(rnne_qv_limit(rnne_qv_load16(z + i), -bound, bound) * gain, 15);
        rnne_qv_store16(out + i, rnne_q_apply(function, rnne_qv_sat(v)));
    }
    rnne_q_fill(n, out);
}

/* out = z + x[sources]; may be in place. */
RNNE_FUNCTION void rnne_q_add_last(size_t n, const int32_t *gain, const int32_t *source_gain,
                                   const uint32_t *sources, const int16_t *x, const int16_t *z,
                                   int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t last = rnne_q_gained(x[sources[i]], source_gain[i]);
        out[i] = (int16_t)rnne_q_sat(rnne_q_gained(z[i], gain[i]) + last);
    }
    rnne_q_fill(n, out);
}

/* A row of a table. */
RNNE_FUNCTION void rnne_q_embedding(const int8_t *table, const int32_t *multipliers, size_t size,
                                    int16_t row, int16_t *out)
{
    const int8_t *const w = table + (size_t)row * size;
    size_t i;
    for (i = 0; i < size; i++)
        out[i] = (int16_t)rnne_q_sat(rnne_q_shift(w[i] * multipliers[row], 15));
    rnne_q_fill(size, out);
}

/* ---- readings as integers ---- */

/* Model inputs out of readings: a missing one is the held one.  low, high: NULL for none. */
RNNE_INLINE void rnne_q_accept(size_t n, const int16_t *x, const int16_t *low,
                               const int16_t *high, int16_t *held, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        int16_t value = x[i];
        if (value == RNNE_Q_MISSING)
            value = held[i];
        if (low && value < low[i])
            value = low[i];
        if (high && value > high[i])
            value = high[i];
        held[i] = value;
        out[i] = value;
    }
}

/* Derived inputs: a missing one is `zero`. */
RNNE_INLINE void rnne_q_accept_derived(size_t n, const int16_t *x, const int16_t *low,
                                       const int16_t *high, const int16_t *zero, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        out[i] = x[i] == RNNE_Q_MISSING ? zero[i] : x[i];
        if (low && out[i] < low[i])
            out[i] = low[i];
        if (high && out[i] > high[i])
            out[i] = high[i];
    }
}

/* A token out of range is token 0, a missing one the held one. */
RNNE_INLINE void rnne_q_accept_token(const int16_t *x, int32_t rows, int16_t *held, int16_t *out)
{
    if (*x != RNNE_Q_MISSING)
        *held = *x < 0 || *x >= rows ? 0 : *x;
    *out = *held;
}

/* Whether a reading is missing whose feature refuses that. */
RNNE_INLINE int rnne_q_is_rejected(size_t n, const uint8_t *rejects, const int16_t *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] && x[i] == RNNE_Q_MISSING)
            return 1;
    return 0;
}

/* ---- between float and integers ---- */

/* The nearest integer, halves up, within [-32767, 32767]; NaN is -32767. */
RNNE_FUNCTION int16_t rnne_q_near(float v)
{
    int32_t whole;
    v = v > -32767.0f ? v : -32767.0f;
    v = v > 32767.0f ? 32767.0f : v;
    v = v + 0.5f;
    whole = (int32_t)v;
    return (int16_t)(whole - ((float)whole > v));
}

RNNE_INLINE int16_t rnne_q_of_reading(float x, float shift, float rate)
{
    return rnne_q_near((rnne_f32_finite_normal(x) - shift) * rate);
}

RNNE_INLINE int16_t rnne_q_of_token(float x, float rows)
{
    return x >= 0.0f && x < rows ? (int16_t)x : (int16_t)0;
}

/* Readings as integers, not limited yet. */
RNNE_FUNCTION void rnne_q_quantise(size_t n, const float *shift, const float *rate,
                                   const float *x, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_is_finite(x[i]) ? rnne_q_of_reading(x[i], shift[i], rate[i])
                                      : (int16_t)RNNE_Q_MISSING;
}

RNNE_FUNCTION void rnne_q_quantise_token(float rows, const float *x, int16_t *out)
{
    *out = rnne_is_finite(*x) ? rnne_q_of_token(*x, rows) : (int16_t)RNNE_Q_MISSING;
}

/* Values of a float layer as integers. */
RNNE_FUNCTION void rnne_q_enter(size_t n, const float *rate, const float *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_near(z[i] * rate[i]);
    rnne_q_fill(n, out);
}

/* The values that integers stand for. */
RNNE_FUNCTION void rnne_q_values(size_t n, const float *step, const float *shift,
                                 const int16_t *q, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (float)q[i] * step[i] + shift[i];
}

/* The same, magnitudes below 2^-50 as 0. */
RNNE_FUNCTION void rnne_q_leave(size_t n, const float *step, const float *offset,
                                const int16_t *q, float *out)
{
    size_t i;
    rnne_q_values(n, step, offset, q, out);
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(out[i]);
}

/* ---- states in snapshots: float32 values, made and read without any float operation ---- */

/* The bits of the float32 v / 2^bits, |v| <= 2^24. */
RNNE_FUNCTION uint32_t rnne_q_bits_of(int32_t v, int bits)
{
    uint32_t fraction = (uint32_t)(v < 0 ? -v : v);
    uint32_t exponent = (uint32_t)(127 + 24 - bits);
    if (fraction == 0)
        return 0;
    for (; fraction < (uint32_t)1 << 24; exponent--)
        fraction <<= 1;
    return (v < 0 ? 0x80000000u : 0) | exponent << 23 | (fraction >> 1 & 0x7fffffu);
}

/* The integer nearest to a float32 times 2^bits, halves up, within +-largest; NaN is 0. */
RNNE_FUNCTION int32_t rnne_q_of_bits(uint32_t value, int bits, int32_t largest)
{
    const int32_t exponent = (int32_t)(value >> 23 & 0xffu);
    int32_t v = (int32_t)(value & 0x7fffffu), shift = exponent - 150 + bits;
    if (exponent == 255 && v != 0)
        return 0;
    if (shift > 1) /* 2^25 and more */
        return value >> 31 ? -largest : largest;
    if (exponent == 0 || shift < -25)
        return 0;
    v |= (int32_t)1 << 23;
    v = value >> 31 ? -v : v;
    v = shift >= 0 ? v * ((int32_t)1 << shift) : rnne_q_shift(v, -shift);
    return rnne_q_limit(v, -largest, largest);
}

/* Head of a tensor of `size` values; the result is where they go. */
RNNE_INLINE uint8_t *rnne_q_put_head(uint8_t *at, uint32_t size)
{
    rnne_put_u32(at, 0);
    rnne_put_u32(at + 4, size);
    return at + 8;
}

RNNE_FUNCTION uint8_t *rnne_q_put_16(uint8_t *at, const int16_t *values, uint32_t size, int bits)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4)
        rnne_put_u32(at, rnne_q_bits_of(values[i], bits));
    return at;
}

RNNE_FUNCTION uint8_t *rnne_q_put_32(uint8_t *at, const int32_t *values, uint32_t size, int bits)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4)
        rnne_put_u32(at, rnne_q_bits_of(values[i], bits));
    return at;
}

RNNE_FUNCTION uint8_t *rnne_q_put_held(uint8_t *at, const int16_t *held, uint32_t size,
                                       const float *step, const float *shift)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4) {
        float value;
        rnne_q_values(1, step + i, shift + i, held + i, &value);
        rnne_put_u32(at, rnne_bits(value));
    }
    return at;
}

/* Element i of a tensor that was checked. */
RNNE_FUNCTION uint32_t rnne_q_element(const uint8_t *tensor, uint32_t i)
{
    const uint8_t *const at = tensor + 8 + 8 * (size_t)i;
    if (!rnne_get_u32(tensor))
        return rnne_get_u32(at - 4 * (size_t)i);
    return rnne_bits(
        rnne_f32_of_float64(rnne_get_u32(at) | (uint64_t)rnne_get_u32(at + 4) << 32));
}

RNNE_INLINE const uint8_t *rnne_q_next(const uint8_t *tensor, uint32_t size)
{
    return tensor + 8 + (rnne_get_u32(tensor) ? 8 : 4) * (size_t)size;
}

RNNE_FUNCTION const uint8_t *rnne_q_get_16(const uint8_t *at, int16_t *values, uint32_t size,
                                           int bits)
{
    uint32_t i;
    for (i = 0; i < size; i++)
        values[i] = (int16_t)rnne_q_of_bits(rnne_q_element(at, i), bits, RNNE_Q_LARGEST);
    return rnne_q_next(at, size);
}

RNNE_FUNCTION const uint8_t *rnne_q_get_32(const uint8_t *at, int32_t *values, uint32_t size,
                                           int bits)
{
    uint32_t i;
    for (i = 0; i < size; i++)
        values[i] = rnne_q_of_bits(rnne_q_element(at, i), bits, RNNE_Q_LARGEST_STATE);
    return rnne_q_next(at, size);
}

/* Held readings; one that is not finite counts as 0. */
RNNE_FUNCTION const uint8_t *rnne_q_get_held(const uint8_t *at, int16_t *held, uint32_t size,
                                             const float *shift, const float *rate,
                                             const int16_t *low, const int16_t *high)
{
    uint32_t i;
    for (i = 0; i < size; i++) {
        const float value = rnne_float(rnne_q_element(at, i));
        held[i] = rnne_q_of_reading(rnne_is_finite(value) ? value : 0.0f, shift[i], rate[i]);
    }
    rnne_q_accept(size, held, low, high, held, held);
    return rnne_q_next(at, size);
}

RNNE_FUNCTION const uint8_t *rnne_q_get_token(const uint8_t *at, int16_t *held, float rows)
{
    *held = rnne_q_of_token(rnne_float(rnne_q_element(at, 0)), rows);
    return rnne_q_next(at, 1);
}

/* ---- sine and cosine of a time's phase, in integers ---- */

/* The inputs derived of one period; gain and offset: 2 each. */
RNNE_FUNCTION void rnne_q_sin_cos(int64_t unix_time_s, uint32_t period_s, int64_t offset_s,
                                  const int32_t *gain, const int32_t *offset, int16_t *out)
{
    const uint32_t turn = rnne_turn(unix_time_s, period_s, offset_s);
    const uint32_t quarter = (turn + ((uint32_t)1 << 29)) >> 30;
    const uint32_t rest = turn - (quarter << 30);
    const int32_t a = (int32_t)((rest ^ 0x80000000u) >> 14) - ((int32_t)1 << 17);
    const int32_t square = rnne_q_shift(a * a, 15);
    int32_t s = rnne_q_shift(square * 82, 15) - 2646, c = rnne_q_shift(square * -13, 15) + 518;
    int32_t sine, cosine;
    s = rnne_q_shift(square * s, 15) + 25735;
    s = rnne_q_shift(a * s, 15);
    c = rnne_q_shift(square * c, 15) - 10102;
    c = rnne_q_shift(square * c, 15) + 32767;
    sine = quarter & 1 ? c : s;
    cosine = quarter & 1 ? s : c;
    sine = quarter & 2 ? -sine : sine;
    cosine = (quarter ^ quarter >> 1) & 1 ? -cosine : cosine;
    out[0] = (int16_t)rnne_q_sat(rnne_q_shift(sine * gain[0] + offset[0], 15));
    out[1] = (int16_t)rnne_q_sat(rnne_q_shift(cosine * gain[1] + offset[1], 15));
}

#endif
