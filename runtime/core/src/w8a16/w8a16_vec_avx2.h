/* SPDX-License-Identifier: MIT */
/* What w8a16_cells.inc.h needs, of AVX2: two registers to a vector. */
#include <immintrin.h>

#include "w8a16_arithmetic.h"

#define VEC_INLINE static inline __attribute__((always_inline, unused))
#define VEC_HALF 16 /* int32 in a vw; twice as many int16 in a vb */

typedef struct vw {
    __m256i a, b;
} vw;
typedef vw vb;

VEC_INLINE __m256i load(const void *p)
{
    return _mm256_loadu_si256(p);
}

VEC_INLINE vw vw_load(const int32_t *p)
{
    return (vw){load(p), load(p + 8)};
}

VEC_INLINE void vw_store(int32_t *p, vw v)
{
    _mm256_storeu_si256((void *)p, v.a);
    _mm256_storeu_si256((void *)(p + 8), v.b);
}

VEC_INLINE vw vw_splat(int32_t s)
{
    return (vw){_mm256_set1_epi32(s), _mm256_set1_epi32(s)};
}

/* A function of two vectors, register by register. */
#define TWICE(name, of_one)                                                                       \
    VEC_INLINE vw name(vw x, vw y)                                                                \
    {                                                                                             \
        return (vw){of_one(x.a, y.a), of_one(x.b, y.b)};                                          \
    }

TWICE(vw_add, _mm256_add_epi32)
TWICE(vw_sub, _mm256_sub_epi32)
TWICE(vw_mul, _mm256_mullo_epi32)

VEC_INLINE __m256i limit(__m256i v, int32_t largest)
{
    v = _mm256_min_epi32(v, _mm256_set1_epi32(largest));
    return _mm256_max_epi32(v, _mm256_set1_epi32(-largest));
}

VEC_INLINE vw vw_limit(vw v, int32_t largest)
{
    return (vw){limit(v.a, largest), limit(v.b, largest)};
}

VEC_INLINE vw vw_shift_left(vw v, int bits)
{
    const __m128i count = _mm_cvtsi32_si128(bits);
    return (vw){_mm256_sll_epi32(v.a, count), _mm256_sll_epi32(v.b, count)};
}

/* v >> 15, of v that is not negative. */
VEC_INLINE vw vw_shift_down15(vw v)
{
    return (vw){_mm256_srli_epi32(v.a, 15), _mm256_srli_epi32(v.b, 15)};
}

/* Halves up. */
VEC_INLINE vw vw_shift(vw v, int bits)
{
    const vw sum = vw_add(v, vw_splat(1 << (bits - 1)));
    const __m128i count = _mm_cvtsi32_si128(bits);
    return (vw){_mm256_sra_epi32(sum.a, count), _mm256_sra_epi32(sum.b, count)};
}

VEC_INLINE __m256i odd_products(__m256i a, __m256i b)
{
    return _mm256_mul_epi32(_mm256_srli_epi64(a, 32), _mm256_srli_epi64(b, 32));
}

VEC_INLINE __m256i mul_shift16(__m256i a, __m256i b)
{
    const __m256i half = _mm256_set1_epi64x(1 << 15);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(a, b), half);
    const __m256i odd = _mm256_add_epi64(odd_products(a, b), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 16), _mm256_slli_epi64(odd, 16), 0xaa);
}

/* shift(a * b, 16) of 64-bit products; the result fits 32 bits. */
TWICE(vw_mul_shift16, mul_shift16)

/* scaled(sum, multiplier) */
VEC_INLINE __m256i scaled(__m256i sum, __m256i multiplier)
{
    const __m256i half = _mm256_set1_epi64x(1ll << 31);
    const __m256i even = _mm256_add_epi64(_mm256_mul_epi32(sum, multiplier), half);
    const __m256i odd = _mm256_add_epi64(odd_products(sum, multiplier), half);
    return _mm256_blend_epi32(_mm256_srli_epi64(even, 32), odd, 0xaa);
}

VEC_INLINE void vb_store(int16_t *p, vb v)
{
    _mm256_storeu_si256((void *)p, _mm256_permute4x64_epi64(v.a, 0xd8));
    _mm256_storeu_si256((void *)(p + 16), _mm256_permute4x64_epi64(v.b, 0xd8));
}

VEC_INLINE __m256i pack(__m256i low, __m256i high)
{
    return _mm256_max_epi16(_mm256_packs_epi32(low, high), _mm256_set1_epi16(-32767));
}

/* Within +-32767. */
VEC_INLINE vb vb_pack(vw low, vw high)
{
    return (vb){pack(low.a, low.b), pack(high.a, high.b)};
}

VEC_INLINE vw widen(__m256i v)
{
    return (vw){_mm256_srai_epi32(_mm256_unpacklo_epi16(v, v), 16),
                _mm256_srai_epi32(_mm256_unpackhi_epi16(v, v), 16)};
}

VEC_INLINE vw vb_low(vb v)
{
    return widen(v.a);
}

VEC_INLINE vw vb_high(vb v)
{
    return widen(v.b);
}

VEC_INLINE vb vb_relu(vb v)
{
    const __m256i zero = _mm256_setzero_si256();
    return (vb){_mm256_max_epi16(v.a, zero), _mm256_max_epi16(v.b, zero)};
}

VEC_INLINE __m256i row_of(const uint8_t *bytes)
{
    return _mm256_broadcastsi128_si256(_mm_loadu_si128((const void *)bytes));
}

/* Bytes k of a table of 64; their bits 5 and 4 are the highest of bit_5 and bit_4. */
VEC_INLINE __m256i look_up(const uint8_t *table, __m256i k, __m256i bit_4, __m256i bit_5)
{
    const __m256i t0 = _mm256_shuffle_epi8(row_of(table), k);
    const __m256i t1 = _mm256_shuffle_epi8(row_of(table + 16), k);
    const __m256i t2 = _mm256_shuffle_epi8(row_of(table + 32), k);
    const __m256i t3 = _mm256_shuffle_epi8(row_of(table + 48), k);
    return _mm256_blendv_epi8(_mm256_blendv_epi8(t0, t1, bit_4), _mm256_blendv_epi8(t2, t3, bit_4),
                              bit_5);
}

/* The table at rnne_tanh_bytes[2 * i] for the lanes of u.a and u.b; k as packus gives it. */
VEC_INLINE vb look_up_words(int i, __m256i k, __m256i bit_4, __m256i bit_5)
{
    const __m256i low = look_up(rnne_tanh_bytes[2 * i], k, bit_4, bit_5);
    const __m256i high = look_up(rnne_tanh_bytes[2 * i + 1], k, bit_4, bit_5);
    return (vb){_mm256_unpacklo_epi8(low, high), _mm256_unpackhi_epi8(low, high)};
}

VEC_INLINE __m256i parabola(__m256i a, __m256i value, __m256i slope, __m256i bend)
{
    const __m256i t = _mm256_and_si256(a, _mm256_set1_epi16(511));
    const __m256i bent = _mm256_mulhrs_epi16(bend, _mm256_slli_epi16(t, 6));
    const __m256i p = _mm256_add_epi16(slope, bent);
    return _mm256_adds_epi16(value, _mm256_mulhrs_epi16(p, _mm256_slli_epi16(t, 4)));
}

/* Not inlined: the 24 rows of the tables would be kept on the stack. */
static __attribute__((noinline)) vb vb_tanh(vb u)
{
    const vb a = {_mm256_abs_epi16(u.a), _mm256_abs_epi16(u.b)};
    const __m256i k = _mm256_packus_epi16(_mm256_srli_epi16(a.a, 9), _mm256_srli_epi16(a.b, 9));
    const __m256i bit_4 = _mm256_slli_epi16(k, 3), bit_5 = _mm256_slli_epi16(k, 2);
    const vb value = look_up_words(0, k, bit_4, bit_5);
    const vb slope = look_up_words(1, k, bit_4, bit_5);
    const vb bend = look_up_words(2, k, bit_4, bit_5);
    return (vb){_mm256_sign_epi16(parabola(a.a, value.a, slope.a, bend.a), u.a),
                _mm256_sign_epi16(parabola(a.b, value.b, slope.b, bend.b), u.b)};
}
