/* SPDX-License-Identifier: MIT */
/*
 * A vector of RNNE_LANES floats and the operations the kernels need.  GNU vectors where the
 * compiler has them; with RNNE_LANES 1 plain C.  Parameters: RNNE_LANES 1, 4, 8 or 16, and
 * RNNE_FUSES, of f32_kernels.inc.h.
 */
#include <stdint.h>
#include <string.h>

#if RNNE_LANES >= 8
#include <immintrin.h>
#endif

#ifdef __GNUC__
#define VEC_INLINE static inline __attribute__((always_inline, unused))
#else
#define VEC_INLINE static inline
#endif

#if RNNE_LANES > 1
typedef float vf __attribute__((vector_size(4 * RNNE_LANES)));
typedef uint32_t vu __attribute__((vector_size(4 * RNNE_LANES)));
#else
typedef float vf;
typedef uint32_t vu;
#endif

VEC_INLINE vf vec_load(const float *p)
{
    vf v;
    memcpy(&v, p, sizeof v);
    return v;
}

VEC_INLINE void vec_store(float *p, vf v)
{
    memcpy(p, &v, sizeof v);
}

#if RNNE_LANES > 1

VEC_INLINE vf vec_splat(float s)
{
#if RNNE_LANES == 4
    return (vf){s, s, s, s};
#elif RNNE_LANES == 8
    return (vf){s, s, s, s, s, s, s, s};
#else
    return (vf){s, s, s, s, s, s, s, s, s, s, s, s, s, s, s, s};
#endif
}

#define vec_bits(v) ((vu)(v))
#define vec_from_bits(u) ((vf)(u))
#define vec_mask_less(a, b) ((vu)((a) < (b)))

#else

#define vec_splat(s) ((vf)(s))
#define vec_mask_less(a, b) ((a) < (b) ? UINT32_MAX : 0u)

VEC_INLINE vu vec_bits(vf v)
{
    vu u;
    memcpy(&u, &v, sizeof u);
    return u;
}

VEC_INLINE vf vec_from_bits(vu u)
{
    vf v;
    memcpy(&v, &u, sizeof v);
    return v;
}

#endif

VEC_INLINE vf vec_abs(vf v)
{
    return vec_from_bits(vec_bits(v) & 0x7fffffffu);
}

/*
 * vec_if_less: a < b ? yes : no; `no` where either is NaN.  vec_at_least, vec_at_most: v within a
 * limit, NaN as it is.  vec_flush: below 2^-50 becomes +0.
 */
#if RNNE_LANES == 16 /* AVX-512 selects with masks in registers of their own */

VEC_INLINE vf vec_if_less(vf a, vf b, vf yes, vf no)
{
    return _mm512_mask_blend_ps(_mm512_cmp_ps_mask(a, b, _CMP_LT_OQ), no, yes);
}

#define vec_at_least(low, v) _mm512_max_ps(low, v)
#define vec_at_most(high, v) _mm512_min_ps(high, v)

VEC_INLINE vf vec_flush(vf v)
{
    const __mmask16 keep = _mm512_cmp_ps_mask(vec_abs(v), vec_splat(0x1p-50f), _CMP_NLT_UQ);
    return _mm512_maskz_mov_ps(keep, v);
}

#else

VEC_INLINE vf vec_if_less(vf a, vf b, vf yes, vf no)
{
    const vu mask = vec_mask_less(a, b);
#if RNNE_LANES == 8
    return _mm256_blendv_ps(no, yes, (vf)mask);
#else
    return vec_from_bits((vec_bits(yes) & mask) | (vec_bits(no) & ~mask));
#endif
}

VEC_INLINE vf vec_at_least(vf low, vf v)
{
    return vec_if_less(v, low, low, v);
}

VEC_INLINE vf vec_at_most(vf high, vf v)
{
    return vec_if_less(high, v, high, v);
}

VEC_INLINE vf vec_flush(vf v)
{
    const vu mask = vec_mask_less(vec_abs(v), vec_splat(0x1p-50f));
    return vec_from_bits(vec_bits(v) & ~mask);
}

#endif

/*
 * v times one value in memory.  Compilers spread a value that is used twice by an instruction of its
 * own, which on AMD Zen 4 takes a place among the additions (24 cycles a column for 16); a product
 * that spreads its own operand does not.  Where it may be fused it has to stay an expression.
 */
#if RNNE_LANES == 16 && !defined(RNNE_FUSES)
VEC_INLINE vf vec_times(vf v, const float *s)
{
    vf product;
    __asm__("vmulps %2%{1to16%}, %1, %0" : "=v"(product) : "v"(v), "m"(*s));
    return product;
}
#else
#define vec_times(v, s) ((v)*vec_splat(*(s)))
#endif
