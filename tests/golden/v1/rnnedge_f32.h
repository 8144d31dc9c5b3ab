/* SPDX-License-Identifier: MIT */
/*
 * rnnedge: the layers of a model in the arithmetic f32.v1, for generated C sources.
 *
 * Every operation is rounded to float32 on its own, in the order written, so all compilers and
 * processors give the same bytes.  Each output is one chain: bias, then input terms, then
 * recurrent terms.  Vectors run over outputs, never along a sum.
 *
 * Weights lie as the loops read them: in panels of 16 outputs (for a cell 4 units, their gates
 * together), the bias first, then one row of the panel per input.
 *
 * Define RNNE_PLAIN_C to do without GNU vectors and assembly; the bytes stay the same.
 */
#ifndef RNNEDGE_F32_H
#define RNNEDGE_F32_H

#ifdef __FAST_MATH__
#error "rnnedge: -ffast-math (or -Ofast) changes results; build without it"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||                              \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "rnnedge: -funsafe-math-optimizations and the parts of -ffast-math change results"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "rnnedge: floats are kept in wider registers; on 32-bit x86 add -msse2 -mfpmath=sse"
#endif

/* No fused multiply-add: clang obeys the pragma of the standard, gcc only its own. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#if __clang_major__ >= 13
#pragma clang fp reassociate(off)
#endif
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off", "no-tree-loop-distribute-patterns")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__) /* and no call of memcpy() or memset() in place of a loop */
#define RNNE_PUBLIC __attribute__((no_builtin("memcpy", "memset")))
#define RNNE_FUNCTION static inline RNNE_PUBLIC
#define RNNE_INLINE RNNE_FUNCTION __attribute__((always_inline))
#elif defined(__GNUC__)
#define RNNE_PUBLIC
#define RNNE_FUNCTION static inline
#define RNNE_INLINE static inline __attribute__((always_inline))
#else
#define RNNE_PUBLIC
#define RNNE_FUNCTION static inline
#define RNNE_INLINE static inline
#endif

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

/* ---- functions (docs/numerics.md of rnnedge) ---- */

/* exp v = power * (rest + 1) for v in [-87, 87]; the result is `rest`. */
#ifdef RNNE_MVE /* the coefficients in core registers, several a load */
RNNE_INLINE rnne_vf rnne_exp_parts(rnne_vf v, rnne_vf *power)
{
    static const float coefficients[9] = {1.44269502f,     12582912.0f,    0.693145752f,
                                          1.42860677e-06f, 0.00139370956f, 0.00836989284f,
                                          0.0416664444f,   0.166665122f,   0.5f};
    const float *k = coefficients;
    rnne_vf rounded, n, q;
    __asm__("ldmia %4!, {r0-r3}\n\t"
            "vmul.f32 %q1, %q0, r0\n\tvadd.f32 %q1, %q1, r1\n\t"
            "vsub.f32 %q2, %q1, r1\n\t"
            "vmul.f32 %q3, %q2, r2\n\tvsub.f32 %q0, %q0, %q3\n\t"
            "vmul.f32 %q3, %q2, r3\n\tvsub.f32 %q0, %q0, %q3\n\t"
            "ldmia %4, {r0-r4}\n\t"
            "vmul.f32 %q3, %q0, r0\n\tvadd.f32 %q3, %q3, r1\n\t"
            "vmul.f32 %q3, %q3, %q0\n\tvadd.f32 %q3, %q3, r2\n\t"
            "vmul.f32 %q3, %q3, %q0\n\tvadd.f32 %q3, %q3, r3\n\t"
            "vmul.f32 %q3, %q3, %q0\n\tvadd.f32 %q3, %q3, r4\n\t"
            "vmul.f32 %q2, %q0, %q0\n\tvmul.f32 %q3, %q3, %q2\n\t"
            "vadd.f32 %q3, %q3, %q0\n\t"
            "vshl.i32 %q1, %q1, #23\n\tmov r0, #0x3f800000\n\t"
            "vadd.i32 %q1, %q1, r0"
            : "+w"(v), "=&w"(rounded), "=&w"(n), "=&w"(q), "+r"(k)
            : "m"(coefficients)
            : "r0", "r1", "r2", "r3", "r4");
    *power = rounded;
    return q;
}
#else
RNNE_INLINE rnne_vf rnne_exp_parts(rnne_vf v, rnne_vf *power)
{
    const rnne_vf rounder = rnne_splat(12582912.0f); /* 3 * 2^22: integers in the low bits */
    const rnne_vf rounded = v * rnne_splat(1.44269502f) + rounder;
    const rnne_vf n = rounded - rounder;
    const rnne_vf r = (v - n * rnne_splat(0.693145752f)) - n * rnne_splat(1.42860677e-06f);
    rnne_vf p = rnne_splat(0.00139370956f) * r + rnne_splat(0.00836989284f);
    p = p * r + rnne_splat(0.0416664444f);
    p = p * r + rnne_splat(0.166665122f);
    p = p * r + rnne_splat(0.5f);
    *power = RNNE_FLOATS((RNNE_BITS(rounded) << 23) + (127u << 23));
    return (r * r) * p + r;
}
#endif

RNNE_INLINE rnne_vf rnne_tanh(rnne_vf z)
{
    const rnne_vf limit = rnne_splat(9.5f);
    rnne_vf a = rnne_abs(z), power, rest, w;
    a = rnne_if_less(limit, a, limit, a);
    rest = rnne_exp_parts(a + a, &power);
    w = power * rest + (power - rnne_splat(1.0f));
    w = w / (w + rnne_splat(2.0f));
    return RNNE_FLOATS(RNNE_BITS(w) | (RNNE_BITS(z) & 0x80000000u));
}

RNNE_INLINE rnne_vf rnne_sigmoid(rnne_vf z)
{
    const rnne_vf one = rnne_splat(1.0f), low = rnne_splat(-34.0f), high = rnne_splat(34.0f);
    rnne_vf v = -z, power, rest;
    v = rnne_if_less(v, low, low, v);
    v = rnne_if_less(high, v, high, v);
    rest = rnne_exp_parts(v, &power);
    return one / (one + (power * rest + power));
}

/* exp z for z <= 0. */
RNNE_INLINE rnne_vf rnne_exp(rnne_vf z)
{
    const rnne_vf low = rnne_splat(-87.0f);
    rnne_vf power, rest;
    rest = rnne_exp_parts(rnne_if_less(z, low, low, z), &power);
    return power * rest + power;
}

typedef enum rnne_f32_function {
    RNNE_F32_IDENTITY,
    RNNE_F32_TANH,
    RNNE_F32_RELU,
    RNNE_F32_SIGMOID,
    RNNE_F32_EXP
} rnne_f32_function;

RNNE_INLINE rnne_vf rnne_f32_apply(rnne_f32_function function, rnne_vf v)
{
    switch (function) {
    case RNNE_F32_EXP: return rnne_exp(v);
    case RNNE_F32_TANH: v = rnne_tanh(v); break;
    case RNNE_F32_RELU: v = rnne_if_less(v, rnne_splat(0.0f), rnne_splat(0.0f), v); break;
    case RNNE_F32_SIGMOID: v = rnne_sigmoid(v); break;
    case RNNE_F32_IDENTITY: break;
    }
    return rnne_flush_all(v);
}

/* out[i] = function(z[i]) for n values; may be in place. */
RNNE_INLINE void rnne_f32_map(rnne_f32_function function, size_t n, const float *z, float *out)
{
    size_t i = 0;
    for (; i + RNNE_LANES <= n; i += RNNE_LANES)
        rnne_store(out + i, rnne_f32_apply(function, rnne_load(z + i)));
#if RNNE_LANES == 4
    if (i < n) {
        rnne_vf v = rnne_splat(z[i]);
        size_t k;
        for (k = 1; i + k < n; k++)
            v[k] = z[i + k];
        v = rnne_f32_apply(function, v);
        for (k = 0; i + k < n; k++)
            out[i + k] = v[k];
    }
#endif
}

/*
 * ---- products: accumulators a plus n terms w[k] * z[k], k = 0, 1, ... ----
 *
 * rnne_rows_R adds to R rows and returns where the weights go on.
 */

#define RNNE_EACH_1(M) M(0)
#define RNNE_EACH_3(M) M(0) M(1) M(2)
#define RNNE_EACH_4(M) RNNE_EACH_3(M) M(3)
#define RNNE_EACH_12(M) RNNE_EACH_4(M) M(4) M(5) M(6) M(7) M(8) M(9) M(10) M(11)
#define RNNE_EACH_16(M) RNNE_EACH_12(M) M(12) M(13) M(14) M(15)
#define RNNE_TAKE(i) rnne_vf a##i = a[i];
#define RNNE_TERM(i) a##i = a##i + rnne_load(w + (i) * RNNE_LANES) * s;
#define RNNE_GIVE(i) a[i] = a##i;

#ifdef RNNE_SOFT /* where each operation is a call, one sum at a time is the least work */
#define RNNE_ROWS(ROWS, EACH)                                                                  \
    RNNE_FUNCTION const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,      \
                                                rnne_vf *a)                                    \
    {                                                                                          \
        size_t i, k;                                                                           \
        for (i = 0; i < ROWS; i++) {                                                           \
            const float *v = w + i;                                                            \
            float sum = a[i];                                                                  \
            for (k = 0; k < n; k++, v += ROWS)                                                 \
                sum = sum + *v * z[k];                                                         \
            a[i] = sum;                                                                        \
        }                                                                                      \
        return w + n * ROWS;                                                                   \
    }
#else /* named accumulators, so that they stay in registers */
#define RNNE_ROWS(ROWS, EACH)                                                                  \
    RNNE_INLINE const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,        \
                                              rnne_vf *a)                                      \
    {                                                                                          \
        EACH(RNNE_TAKE)                                                                        \
        for (; n; n--, w += ROWS) {                                                            \
            const rnne_vf s = rnne_splat(*z++);                                                \
            EACH(RNNE_TERM)                                                                    \
        }                                                                                      \
        EACH(RNNE_GIVE)                                                                        \
        return w;                                                                              \
    }
#endif

#ifdef RNNE_VFP /* several weights a load, which compilers do not see */
#define RNNE_FOUR(w0, w1, w2, w3, a0, a1, a2, a3)                                              \
    "vmul.f32 " w0 ", " w0 ", s24\n\tvmul.f32 " w1 ", " w1 ", s24\n\t"                         \
    "vmul.f32 " w2 ", " w2 ", s24\n\tvmul.f32 " w3 ", " w3 ", s24\n\t"                         \
    "vadd.f32 " a0 ", " a0 ", " w0 "\n\tvadd.f32 " a1 ", " a1 ", " w1 "\n\t"                   \
    "vadd.f32 " a2 ", " a2 ", " w2 "\n\tvadd.f32 " a3 ", " a3 ", " w3 "\n\t"
#define RNNE_VFP_ROWS(ROWS, LAST, TERMS)                                                       \
    RNNE_INLINE const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,        \
                                              float *a)                                        \
    {                                                                                          \
        if (n == 0)                                                                            \
            return w;                                                                          \
        __asm__ volatile("vldmia %3, {s0-" LAST "}\n"                                          \
                         "1:\n\tvldmia %1!, {s24}\n\t" TERMS                                   \
                         "subs %2, %2, #1\n\tbne 1b\n\t"                                       \
                         "vstmia %3, {s0-" LAST "}"                                            \
                         : "+r"(w), "+r"(z), "+r"(n)                                           \
                         : "r"(a)                                                              \
                         : "s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7", "s8", "s9", "s10",  \
                           "s11", "s12", "s13", "s14", "s15", "s16", "s17", "s18", "s19",      \
                           "s20", "s21", "s22", "s23", "s24", "cc", "memory");                 \
        return w;                                                                              \
    }
RNNE_VFP_ROWS(16, "s15",
              "vldmia %0!, {s16-s23}\n\t"
              RNNE_FOUR("s16", "s17", "s18", "s19", "s0", "s1", "s2", "s3")
              RNNE_FOUR("s20", "s21", "s22", "s23", "s4", "s5", "s6", "s7")
              "vldmia %0!, {s16-s23}\n\t"
              RNNE_FOUR("s16", "s17", "s18", "s19", "s8", "s9", "s10", "s11")
              RNNE_FOUR("s20", "s21", "s22", "s23", "s12", "s13", "s14", "s15"))
RNNE_VFP_ROWS(12, "s11",
              "vldmia %0!, {s12-s23}\n\t"
              RNNE_FOUR("s12", "s13", "s14", "s15", "s0", "s1", "s2", "s3")
              RNNE_FOUR("s16", "s17", "s18", "s19", "s4", "s5", "s6", "s7")
              RNNE_FOUR("s20", "s21", "s22", "s23", "s8", "s9", "s10", "s11"))
RNNE_ROWS(4, RNNE_EACH_4)
#elif defined(RNNE_MVE) /* low-overhead loops over two inputs at a time */
#define RNNE_TWO(s, a, b)                                                                      \
    "vldrw.u32 %q4, [%6], #16\n\tvldrw.u32 %q5, [%6], #16\n\t"                                 \
    "vmul.f32 %q4, %q4, " s "\n\tvmul.f32 %q5, %q5, " s "\n\t"                                 \
    "vadd.f32 " a ", " a ", %q4\n\tvadd.f32 " b ", " b ", %q5\n\t"
#define RNNE_ONE(s, a)                                                                         \
    "vldrw.u32 %q4, [%6], #16\n\tvmul.f32 %q4, %q4, " s "\n\tvadd.f32 " a ", " a ", %q4\n\t"
#define RNNE_SET(i) a##i = a[i];
#define RNNE_MVE_ROWS(ROWS, EACH, TERMS)                                                       \
    RNNE_INLINE const float *rnne_rows_##ROWS(const float *w, const float *z, size_t n,        \
                                              rnne_vf *a)                                      \
    {                                                                                          \
        const rnne_vf zero = rnne_splat(0.0f);                                                 \
        rnne_vf a0 = zero, a1 = zero, a2 = zero, a3 = zero, t, u;                              \
        EACH(RNNE_SET)                                                                         \
        if (n & 1) {                                                                           \
            const rnne_vf s = rnne_splat(*z++);                                                \
            EACH(RNNE_TERM)                                                                    \
            w += ROWS;                                                                         \
        }                                                                                      \
        n /= 2;                                                                                \
        if (n)                                                                                 \
            __asm__ volatile("dls lr, %8\n"                                                    \
                             "1:\n\tldrd r0, r1, [%7], #8\n\t" TERMS "le lr, 1b"               \
                             : "+w"(a0), "+w"(a1), "+w"(a2), "+w"(a3), "=&w"(t), "=&w"(u),     \
                               "+r"(w), "+r"(z)                                                \
                             : "r"(n)                                                          \
                             : "r0", "r1", "lr", "memory");                                    \
        EACH(RNNE_GIVE)                                                                        \
        return w;                                                                              \
    }
RNNE_MVE_ROWS(16, RNNE_EACH_4,
              RNNE_TWO("r0", "%q0", "%q1") RNNE_TWO("r0", "%q2", "%q3")
              RNNE_TWO("r1", "%q0", "%q1") RNNE_TWO("r1", "%q2", "%q3"))
RNNE_MVE_ROWS(12, RNNE_EACH_3,
              RNNE_TWO("r0", "%q0", "%q1") RNNE_ONE("r0", "%q2")
              RNNE_TWO("r1", "%q0", "%q1") RNNE_ONE("r1", "%q2"))
RNNE_MVE_ROWS(4, RNNE_EACH_1, RNNE_ONE("r0", "%q0") RNNE_ONE("r1", "%q0"))
#elif RNNE_LANES == 4
RNNE_ROWS(16, RNNE_EACH_4)
RNNE_ROWS(12, RNNE_EACH_3)
RNNE_ROWS(4, RNNE_EACH_1)
#else
RNNE_ROWS(16, RNNE_EACH_16)
RNNE_ROWS(12, RNNE_EACH_12)
RNNE_ROWS(4, RNNE_EACH_4)
#endif

/* Copies n values, a multiple of 4. */
RNNE_INLINE void rnne_move(const float *from, size_t n, float *to)
{
    for (; n; n -= 4) {
#if RNNE_LANES == 4
        rnne_store(to, rnne_load(from));
#elif defined(RNNE_VFP)
        __asm__ volatile("vldmia %0, {s0-s3}\n\tvstmia %1, {s0-s3}"
                         :
                         : "r"(from), "r"(to)
                         : "s0", "s1", "s2", "s3", "memory");
#else
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
        to[3] = from[3];
#endif
        from += 4;
        to += 4;
    }
}

/* What the accumulators of R rows start with; the result is where the weights go on. */
RNNE_INLINE const float *rnne_start(const float *w, size_t rows, rnne_vf *a)
{
    rnne_move(w, rows, (float *)a);
    return w + rows;
}

/* out = bias + W [x h], in panels of 16 rows, then of 4, then row by row. */
RNNE_FUNCTION void rnne_f32_product(const float *w, size_t rows, const float *x, size_t num_x,
                                    const float *h, size_t num_h, float *out)
{
    rnne_vf a[16 / RNNE_LANES];
    for (; rows >= 16; rows -= 16, out += 16) {
        w = rnne_start(w, 16, a);
        w = rnne_rows_16(w, x, num_x, a);
        w = rnne_rows_16(w, h, num_h, a);
        rnne_move((const float *)a, 16, out);
    }
    for (; rows >= 4; rows -= 4, out += 4) {
        w = rnne_start(w, 4, a);
        w = rnne_rows_4(w, x, num_x, a);
        w = rnne_rows_4(w, h, num_h, a);
        rnne_move((const float *)a, 4, out);
    }
    for (; rows; rows--, out++) {
        float sum = *w++;
        size_t k;
        for (k = 0; k < num_x; k++)
            sum = sum + *w++ * x[k];
        for (k = 0; k < num_h; k++)
            sum = sum + *w++ * h[k];
        *out = sum;
    }
}

/* ---- cells: new states of whole blocks of 4 units, so up to 3 values past the last ---- */

/*
 * PyTorch nn.LSTM: per block of units the bias and the rows of x and of h, each 16 weights of
 * i, f, g and o.  c is replaced; the new h, not projected, goes to `out`.
 */
RNNE_FUNCTION void rnne_f32_lstm(const float *w, const float *x, size_t num_x, const float *h,
                                 size_t num_h, size_t hidden_size, float *c, float *out)
{
    enum { GATE = 4 / RNNE_LANES };
    rnne_vf a[16 / RNNE_LANES];
    size_t unit, j;
    for (unit = 0; unit < hidden_size; unit += 4) {
        w = rnne_start(w, 16, a);
        w = rnne_rows_16(w, x, num_x, a);
        w = rnne_rows_16(w, h, num_h, a);
        for (j = 0; j < GATE; j++, c += RNNE_LANES, out += RNNE_LANES) {
            const rnne_vf input = rnne_sigmoid(a[j]), forget = rnne_sigmoid(a[GATE + j]);
            const rnne_vf change = input * rnne_tanh(a[2 * GATE + j]);
            const rnne_vf cell = rnne_flush_all(forget * rnne_load(c) + change);
            const rnne_vf output = rnne_sigmoid(a[3 * GATE + j]);
            rnne_store(c, cell);
            rnne_store(out, rnne_flush_all(output * rnne_tanh(cell)));
        }
    }
}

/*
 * PyTorch nn.GRU, r after the recurrent product: per block the bias and the rows of x, 12
 * weights of r, u and n_in each, then those of h with n_rec for n_in; before these its bias.
 */
RNNE_FUNCTION void rnne_f32_gru(const float *w, const float *x, size_t num_x, const float *h,
                                size_t hidden_size, float *out)
{
    enum { GATE = 4 / RNNE_LANES };
    rnne_vf a[12 / RNNE_LANES], n_in[GATE];
    size_t unit, j;
    for (unit = 0; unit < hidden_size; unit += 4) {
        w = rnne_start(w, 12, a);
        w = rnne_rows_12(w, x, num_x, a);
        for (j = 0; j < GATE; j++)
            n_in[j] = a[2 * GATE + j];
        w = rnne_start(w, 4, a + 2 * GATE);
        w = rnne_rows_12(w, h, hidden_size, a);
        for (j = 0; j < GATE; j++) {
            const size_t i = unit + j * RNNE_LANES;
            const rnne_vf r = rnne_sigmoid(a[j]), u = rnne_sigmoid(a[GATE + j]);
            const rnne_vf n = rnne_tanh(n_in[j] + r * a[2 * GATE + j]);
            const rnne_vf kept = u * rnne_load(h + i);
            rnne_store(out + i, rnne_flush_all((rnne_splat(1.0f) - u) * n + kept));
        }
    }
}

/* ---- small layers ---- */

RNNE_INLINE void rnne_f32_copy(size_t n, const float *from, float *to)
{
    const size_t rest = n % 4;
    size_t i;
    rnne_move(from, n - rest, to);
    for (i = n - rest; i < n; i++)
        to[i] = from[i];
}

/* out = (z - shift) * scale; may be in place. */
RNNE_FUNCTION void rnne_f32_affine(size_t n, const float *shift, const float *scale,
                                   const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush((z[i] - shift[i]) * scale[i]);
}

/* out = z * scale + shift; may be in place. */
RNNE_FUNCTION void rnne_f32_inverse_affine(size_t n, const float *shift, const float *scale,
                                           const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(z[i] * scale[i] + shift[i]);
}

/* The row of a token; out of range or NaN row 0. */
RNNE_FUNCTION const float *rnne_f32_embedding(const float *table, size_t rows, size_t size,
                                              float token)
{
    return token >= 0.0f && token < (float)rows ? table + (size_t)token * size : table;
}

/* may be in place. */
RNNE_FUNCTION void rnne_f32_softmax(size_t n, const float *z, float *out)
{
    float largest = z[0], total;
    size_t i;
    for (i = 1; i < n; i++)
        largest = z[i] > largest ? z[i] : largest;
    for (i = 0; i < n; i++)
        out[i] = z[i] - largest;
    rnne_f32_map(RNNE_F32_EXP, n, out, out);
    total = out[0];
    for (i = 1; i < n; i++)
        total = total + out[i];
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(out[i] / total);
}

/* out = z + x[sources]; may be in place. */
RNNE_FUNCTION void rnne_f32_add_last(size_t n, const uint32_t *sources, const float *x,
                                     const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(z[i] + x[sources[i]]);
}

/* ---- snapshots: header and checksum (docs/format.md of rnnedge) ---- */

enum { RNNE_SNAPSHOT_HEADER = 48, RNNE_SNAPSHOT_VERSION = 1 };

RNNE_INLINE uint32_t rnne_get_u32(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

RNNE_INLINE void rnne_put_u32(uint8_t *p, uint32_t value)
{
    p[0] = (uint8_t)(value & 0xffu);
    p[1] = (uint8_t)(value >> 8 & 0xffu);
    p[2] = (uint8_t)(value >> 16 & 0xffu);
    p[3] = (uint8_t)(value >> 24);
}

/* CRC32 of ISO 3309, as of zlib and PNG. */
RNNE_FUNCTION uint32_t rnne_crc32(const uint8_t *bytes, size_t nbytes)
{
    uint32_t crc = 0xffffffffu;
    for (; nbytes; nbytes--) {
        int bit;
        crc ^= *bytes++;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* identity: 16 bytes of the model's digest, then 16 of the numerics' name. */
RNNE_FUNCTION uint8_t *rnne_begin_snapshot(uint8_t *bytes, const uint8_t *identity,
                                           uint32_t num_tensors, uint64_t num_steps)
{
    size_t i;
    rnne_put_u32(bytes, 0x534e4e52u); /* RNNS */
    rnne_put_u32(bytes + 4, RNNE_SNAPSHOT_VERSION | num_tensors << 16);
    for (i = 0; i < 32; i++)
        bytes[8 + i] = identity[i];
    rnne_put_u32(bytes + 40, (uint32_t)(num_steps & 0xffffffffu));
    rnne_put_u32(bytes + 44, (uint32_t)(num_steps >> 32));
    return bytes + RNNE_SNAPSHOT_HEADER;
}

RNNE_FUNCTION void rnne_end_snapshot(uint8_t *bytes, uint8_t *end)
{
    rnne_put_u32(end, rnne_crc32(bytes, (size_t)(end - bytes)));
}

/* 0, or what is wrong with a snapshot as NAME_restore() says it; the tensors are not checked. */
RNNE_FUNCTION int rnne_check_snapshot(const uint8_t *bytes, size_t nbytes, const uint8_t *identity,
                                      uint32_t num_tensors)
{
    uint32_t version;
    size_t i;
    if (!bytes || nbytes < RNNE_SNAPSHOT_HEADER + 4 || rnne_get_u32(bytes) != 0x534e4e52u)
        return 1;
    version = rnne_get_u32(bytes + 4);
    if ((version & 0xffffu) > RNNE_SNAPSHOT_VERSION)
        return 2;
    if (rnne_crc32(bytes, nbytes - 4) != rnne_get_u32(bytes + nbytes - 4))
        return 1;
    for (i = 0; i < 32; i++)
        if (bytes[8 + i] != identity[i])
            return 3;
    return version >> 16 == num_tensors ? 0 : 1;
}

RNNE_FUNCTION uint64_t rnne_snapshot_steps(const uint8_t *bytes)
{
    return rnne_get_u32(bytes + 40) | (uint64_t)rnne_get_u32(bytes + 44) << 32;
}

/* ---- readings ---- */

RNNE_INLINE float rnne_f32_finite_normal(float value)
{
    const uint32_t exponent = rnne_bits(value) & 0x7f800000u;
    return exponent == 0 || exponent == 0x7f800000u ? 0.0f : value;
}

/*
 * Model inputs out of readings: a missing one (NaN, infinite) is the held one.  low, high: NULL
 * for no limits.
 */
RNNE_INLINE void rnne_f32_accept(size_t n, const float *x, const float *low, const float *high,
                                 float *held, float *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        float value = x[i];
        if (rnne_is_finite(value))
            held[i] = value;
        else
            value = held[i];
        value = rnne_f32_finite_normal(value);
        if (low && value < low[i])
            value = low[i];
        if (high && value > high[i])
            value = high[i];
        out[i] = value;
    }
}

/* Derived inputs: a missing one is 0. */
RNNE_INLINE void rnne_f32_accept_derived(size_t n, const float *x, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_f32_finite_normal(x[i]);
}

/* Whether a reading is missing whose feature refuses that. */
RNNE_INLINE int rnne_f32_is_rejected(size_t n, const uint8_t *rejects, const float *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] && !rnne_is_finite(x[i]))
            return 1;
    return 0;
}

/* ---- values in snapshots: little-endian bits ---- */

/* The float32 next to a float64, rounded to nearest even, in integers. */
RNNE_FUNCTION float rnne_f32_of_float64(uint64_t bits)
{
    const uint32_t sign = (uint32_t)(bits >> 32) & 0x80000000u;
    const int exponent = (int)(bits >> 52 & 0x7ff) - 896; /* of a float32 */
    const uint64_t fraction = bits & 0xfffffffffffffu;
    uint64_t whole, half;
    int shift = 29;
    if (exponent >= 255) {
        const int is_nan = exponent == 1151 && fraction != 0;
        return rnne_float(sign | 0x7f800000u | (is_nan ? 0x400000u : 0));
    }
    if (exponent < -24)
        return rnne_float(sign);
    whole = fraction | (uint64_t)1 << 52;
    if (exponent < 1) /* denormal */
        shift += 1 - exponent;
    else
        whole += (uint64_t)(exponent - 1) << 52;
    half = ((uint64_t)1 << (shift - 1)) - 1 + (whole >> shift & 1);
    return rnne_float(sign | (uint32_t)((whole + half) >> shift));
}

/* Writes a tensor; the result is where the next one goes. */
RNNE_FUNCTION uint8_t *rnne_f32_put_tensor(uint8_t *at, const float *values, uint32_t size)
{
    uint32_t i;
    rnne_put_u32(at, 0);
    rnne_put_u32(at + 4, size);
    for (i = 0, at += 8; i < size; i++, at += 4)
        rnne_put_u32(at, rnne_bits(values[i]));
    return at;
}

/* Where the next tensor begins; NULL where this one is not of `size` values. */
RNNE_FUNCTION const uint8_t *rnne_f32_check_tensor(const uint8_t *at, const uint8_t *end,
                                                   uint32_t size)
{
    size_t width;
    if (!at || end - at < 8 || rnne_get_u32(at) > 1 || rnne_get_u32(at + 4) != size)
        return NULL;
    width = rnne_get_u32(at) ? 8 : 4;
    return (size_t)(end - at - 8) / width < size ? NULL : at + 8 + width * size;
}

/* Reads a tensor that was checked; states are flushed, held readings are not. */
RNNE_FUNCTION const uint8_t *rnne_f32_get_tensor(const uint8_t *at, float *values, uint32_t size,
                                                 int is_held)
{
    const uint32_t is_float64 = rnne_get_u32(at);
    uint32_t i;
    for (i = 0, at += 8; i < size; i++, at += is_float64 ? 8 : 4) {
        float value = rnne_float(rnne_get_u32(at));
        if (is_float64)
            value = rnne_f32_of_float64(rnne_get_u32(at) | (uint64_t)rnne_get_u32(at + 4) << 32);
        values[i] = is_held ? value : rnne_flush(value);
    }
    return at;
}

/* ---- sine and cosine of a time's phase (docs/numerics.md of rnnedge, "Derived inputs") ---- */

RNNE_FUNCTION uint64_t rnne_remainder(int64_t value, uint32_t period)
{
    const int64_t rest = value % (int64_t)period;
    return (uint64_t)(rest < 0 ? rest + (int64_t)period : rest);
}

/* The phase of a time as a part of 2^32. */
RNNE_FUNCTION uint32_t rnne_turn(int64_t unix_time_s, uint32_t period_s, int64_t offset_s)
{
    const uint64_t position =
        (rnne_remainder(unix_time_s, period_s) + rnne_remainder(offset_s, period_s)) % period_s;
    return (uint32_t)((position << 32) / period_s);
}

RNNE_FUNCTION void rnne_sin_cos(int64_t unix_time_s, uint32_t period_s, int64_t offset_s,
                                float *out)
{
    const uint32_t turn = rnne_turn(unix_time_s, period_s, offset_s);
    const uint32_t quarter = (turn + ((uint32_t)1 << 29)) >> 30;
    const uint32_t rest = turn - (quarter << 30);
    const int32_t units = (int32_t)((rest ^ 0x80000000u) >> 6) - ((int32_t)1 << 25);
    const float a = (float)units * 9.36267597e-08f; /* 2 pi / 2^26 */
    const float square = a * a;
    const float s =
        a + a * square * (-0.166666523f + square * (0.00833202619f + square * -0.000194986162f));
    const float c =
        (1.0f - 0.5f * square) +
        square * square * (0.0416666418f + square * (-0.00138871488f + square * 2.44157327e-05f));
    const float sine = quarter & 1 ? c : s, cosine = quarter & 1 ? s : c;
    out[0] = quarter & 2 ? -sine : sine;
    out[1] = (quarter ^ quarter >> 1) & 1 ? -cosine : cosine;
}

#endif
