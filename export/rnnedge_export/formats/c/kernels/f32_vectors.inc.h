/* Lanes of a vector; RNNE_VFP: products in assembly; RNNE_SOFT: every operation is a call. */
#if defined(RNNE_PLAIN_C) || !defined(__GNUC__)
#define RNNE_LANES 1
#elif defined(__SSE2__) || defined(__aarch64__) || defined(__wasm_simd128__)
#define RNNE_LANES 4
#elif defined(__ARM_FEATURE_MVE) && (__ARM_FEATURE_MVE & 2)
#include <arm_mve.h>
#define RNNE_MVE 1
#define RNNE_LANES 4
#else
#define RNNE_LANES 1
#if defined(__arm__) && defined(__ARM_FP) && (__ARM_FP & 4) &&                                    \
    (defined(__thumb2__) || !defined(__thumb__))
#define RNNE_VFP 1
#elif (defined(__arm__) && !defined(__ARM_FP)) || (defined(__riscv) && !defined(__riscv_flen))
#define RNNE_SOFT 1
#endif
#endif

typedef union rnne_word {
    float value;
    uint32_t bits;
} rnne_word;

RNNE_INLINE uint32_t rnne_bits(float value)
{
    rnne_word word;
    word.value = value;
    return word.bits;
}

RNNE_INLINE float rnne_float(uint32_t bits)
{
    rnne_word word;
    word.bits = bits;
    return word.value;
}

RNNE_INLINE int rnne_is_finite(float value)
{
    return (rnne_bits(value) & 0x7f800000u) != 0x7f800000u;
}

/* Magnitudes below 2^-50 become +0. */
RNNE_INLINE float rnne_flush(float value)
{
    const uint32_t bits = rnne_bits(value);
    return rnne_float((bits & 0x7fffffffu) < 0x26800000u ? 0 : bits);
}

/* ---- vectors of RNNE_LANES floats ---- */

#if RNNE_LANES == 4
typedef float rnne_vf __attribute__((vector_size(16), aligned(4), may_alias));
typedef uint32_t rnne_vu __attribute__((vector_size(16), aligned(4), may_alias));

RNNE_INLINE rnne_vf rnne_load(const float *p)
{
    return *(const rnne_vf *)p;
}

RNNE_INLINE void rnne_store(float *p, rnne_vf v)
{
    *(rnne_vf *)p = v;
}

RNNE_INLINE rnne_vf rnne_splat(float s)
{
    const rnne_vf v = {s, s, s, s};
    return v;
}

RNNE_INLINE rnne_vf rnne_if_less(rnne_vf a, rnne_vf b, rnne_vf yes, rnne_vf no)
{
#ifdef RNNE_MVE
    return (rnne_vf)vpselq_f32((float32x4_t)yes, (float32x4_t)no,
                               vcmpltq_f32((float32x4_t)a, (float32x4_t)b));
#else
    const rnne_vu mask = (rnne_vu)(a < b);
    return (rnne_vf)(((rnne_vu)yes & mask) | ((rnne_vu)no & ~mask));
#endif
}

#define RNNE_BITS(v) ((rnne_vu)(v))
#define RNNE_FLOATS(u) ((rnne_vf)(u))
#else
typedef float rnne_vf;
typedef uint32_t rnne_vu;

RNNE_INLINE rnne_vf rnne_load(const float *p)
{
    return *p;
}

RNNE_INLINE void rnne_store(float *p, rnne_vf v)
{
    *p = v;
}

RNNE_INLINE rnne_vf rnne_splat(float s)
{
    return s;
}

RNNE_INLINE rnne_vf rnne_if_less(rnne_vf a, rnne_vf b, rnne_vf yes, rnne_vf no)
{
    return a < b ? yes : no;
}

#define RNNE_BITS(v) rnne_bits(v)
#define RNNE_FLOATS(u) rnne_float(u)
#endif

RNNE_INLINE rnne_vf rnne_abs(rnne_vf v)
{
#ifdef RNNE_MVE
    return (rnne_vf)vabsq_f32((float32x4_t)v);
#else
    return RNNE_FLOATS(RNNE_BITS(v) & 0x7fffffffu);
#endif
}

RNNE_INLINE rnne_vf rnne_flush_all(rnne_vf v)
{
#if RNNE_LANES == 4
    return rnne_if_less(rnne_abs(v), rnne_splat(8.8817842e-16f), rnne_splat(0.0f), v);
#else
    return rnne_flush(v);
#endif
}
