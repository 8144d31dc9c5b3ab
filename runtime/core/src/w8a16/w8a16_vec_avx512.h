/* SPDX-License-Identifier: MIT */
/* What w8a16_cells.inc.h needs, of AVX-512 F and BW. */
#include <immintrin.h>

#include "w8a16_arithmetic.h"

#define VEC_INLINE static inline __attribute__((always_inline, unused))
#define VEC_HALF 16 /* int32 in a vw; twice as many int16 in a vb */

typedef __m512i vw;
typedef __m512i vb;

#define vw_load(p) _mm512_loadu_si512(p)
#define vw_store(p, v) _mm512_storeu_si512(p, v)
#define vw_splat(s) _mm512_set1_epi32(s)
#define vw_add(a, b) _mm512_add_epi32(a, b)
#define vw_sub(a, b) _mm512_sub_epi32(a, b)
#define vw_mul(a, b) _mm512_mullo_epi32(a, b)
#define vb_low(v) _mm512_srai_epi32(_mm512_unpacklo_epi16(v, v), 16)
#define vb_high(v) _mm512_srai_epi32(_mm512_unpackhi_epi16(v, v), 16)
#define vb_relu(v) _mm512_max_epi16(v, _mm512_setzero_si512())
#define vw_shift_down15(v) _mm512_srli_epi32(v, 15) /* of v that is not negative */

VEC_INLINE vw vw_limit(vw v, int32_t largest)
{
    return _mm512_max_epi32(_mm512_min_epi32(v, vw_splat(largest)), vw_splat(-largest));
}

VEC_INLINE vw vw_shift_left(vw v, int bits)
{
    return _mm512_sll_epi32(v, _mm_cvtsi32_si128(bits));
}

/* Halves up. */
VEC_INLINE vw vw_shift(vw v, int bits)
{
    const vw half = vw_splat(1 << (bits - 1));
    return _mm512_sra_epi32(_mm512_add_epi32(v, half), _mm_cvtsi32_si128(bits));
}

/* shift(a * b, 16) of 64-bit products; the result fits 32 bits. */
VEC_INLINE vw vw_mul_shift16(vw a, vw b)
{
    const __m512i half = _mm512_set1_epi64(1 << 15);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(a, b), half);
    const __m512i odd = _mm512_add_epi64(
        _mm512_mul_epi32(_mm512_srli_epi64(a, 32), _mm512_srli_epi64(b, 32)), half);
    return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 16),
                                   _mm512_slli_epi64(odd, 16));
}

/* scaled(sum, multiplier) */
VEC_INLINE vw vw_scaled(vw sum, vw multiplier)
{
    const __m512i half = _mm512_set1_epi64(1ll << 31);
    const __m512i even = _mm512_add_epi64(_mm512_mul_epi32(sum, multiplier), half);
    const __m512i odd = _mm512_add_epi64(
        _mm512_mul_epi32(_mm512_srli_epi64(sum, 32), _mm512_srli_epi64(multiplier, 32)), half);
    return _mm512_mask_blend_epi32(0xaaaa, _mm512_srli_epi64(even, 32), odd);
}

VEC_INLINE void vb_store(int16_t *p, vb v)
{
    const __m512i order = _mm512_setr_epi64(0, 2, 4, 6, 1, 3, 5, 7);
    _mm512_storeu_si512(p, _mm512_permutexvar_epi64(order, v));
}

/* Within +-32767. */
VEC_INLINE vb vb_pack(vw low, vw high)
{
    return _mm512_max_epi16(_mm512_packs_epi32(low, high), _mm512_set1_epi16(-32767));
}

VEC_INLINE __m512i look_up(const int16_t *table, __m512i k)
{
    return _mm512_permutex2var_epi16(_mm512_loadu_si512(table), k, _mm512_loadu_si512(table + 32));
}

VEC_INLINE vb vb_tanh(vb u)
{
    const __m512i a = _mm512_abs_epi16(u), k = _mm512_srli_epi16(a, 9);
    const __m512i t = _mm512_and_si512(a, _mm512_set1_epi16(511));
    const __m512i bent = _mm512_mulhrs_epi16(look_up(rnne_tanh_bend, k), _mm512_slli_epi16(t, 6));
    const __m512i p = _mm512_add_epi16(look_up(rnne_tanh_slope, k), bent);
    const __m512i v = _mm512_adds_epi16(look_up(rnne_tanh_value, k),
                                        _mm512_mulhrs_epi16(p, _mm512_slli_epi16(t, 4)));
    return _mm512_mask_sub_epi16(v, _mm512_movepi16_mask(u), _mm512_setzero_si512(), v);
}

/* ---- conversions ---- */

/* near(v), and NaN is -32767. */
VEC_INLINE __m512i near_integers(__m512 v)
{
    v = _mm512_min_ps(_mm512_max_ps(v, _mm512_set1_ps(-32767.0f)), _mm512_set1_ps(32767.0f));
    v = _mm512_add_ps(v, _mm512_set1_ps(0.5f));
    return _mm512_cvt_roundps_epi32(v, _MM_FROUND_TO_NEG_INF | _MM_FROUND_NO_EXC);
}

static void accept(const rnne_q_inputs *inputs, size_t num_features, size_t n, const float *x,
                   float *held, int32_t *q)
{
    const __m512i exponent = _mm512_set1_epi32(0x7f800000);
    for (size_t i = 0; i < n; i += 16) {
        const __mmask16 all = (__mmask16)(n - i < 16 ? (1u << (n - i)) - 1 : 0xffffu);
        const size_t left = num_features > i ? num_features - i : 0;
        const __mmask16 held_lanes = (__mmask16)(left < 16 ? (1u << left) - 1 : 0xffffu);
        const __m512 shift = _mm512_loadu_ps(inputs->shift + i);
        const __m512i new = _mm512_maskz_loadu_epi32(all, x + i);
        const __mmask16 known =
            _mm512_mask_cmpneq_epi32_mask(all, _mm512_and_si512(new, exponent), exponent);
        __m512i v = _mm512_maskz_loadu_epi32(held_lanes, held + i);
        v = _mm512_mask_mov_epi32(v, known, new);
        const __m512i bits = _mm512_and_si512(v, exponent);
        const __mmask16 is_normal = _mm512_cmpneq_epi32_mask(bits, exponent) &
                                    _mm512_cmpneq_epi32_mask(bits, _mm512_setzero_si512());
        v = _mm512_maskz_mov_epi32(is_normal, v);
        const __m512 scaled_x = _mm512_mul_ps(_mm512_sub_ps(_mm512_castsi512_ps(v), shift),
                                              _mm512_loadu_ps(inputs->rate + i));
        __m512i near = near_integers(scaled_x);
        near = _mm512_max_epi32(near, _mm512_loadu_si512(inputs->low + i));
        near = _mm512_min_epi32(near, _mm512_loadu_si512(inputs->high + i));
        const __m512 step = _mm512_loadu_ps(inputs->step + i);
        const __m512 kept = _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(near), step), shift);
        _mm512_mask_storeu_ps(held + i, (__mmask16)(known & held_lanes), kept);
        _mm512_storeu_si512(q + i, near);
    }
}

static void to_float(size_t n, const int16_t *q, const float *step, const float *offset,
                     float *out)
{
    const __m512 smallest = _mm512_set1_ps(0x1p-50f);
    for (size_t i = 0; i < n; i += 16) {
        const __m512i wide = _mm512_cvtepi16_epi32(_mm256_loadu_si256((const void *)(q + i)));
        const __m512 v =
            _mm512_add_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(wide), _mm512_loadu_ps(step + i)),
                          _mm512_loadu_ps(offset + i));
        const __mmask16 keep = _mm512_cmp_ps_mask(_mm512_abs_ps(v), smallest, _CMP_NLT_UQ);
        _mm512_storeu_ps(out + i, _mm512_maskz_mov_ps(keep, v));
    }
}
