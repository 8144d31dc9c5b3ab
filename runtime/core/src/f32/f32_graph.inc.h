/* SPDX-License-Identifier: MIT */
/*
 * Layers of graphs (docs/numerics.md), behind f32_elementwise.inc.h.  Value i of lane l is at
 * [i * lanes + l]; lanes is 1, then vectors lie along the values, or a multiple of 16.
 * Parameters: those of f32_vec.h, any of its combinations.
 */

#include "../base/each.h"

#define COMBINED(of_values)                                                                       \
    for (size_t i = 0; i < n; i += RNNE_LANES) {                                                  \
        const vf x = vec_load(a + i), y = vec_load(b + i);                                        \
        vec_store(out + i, vec_flush(of_values));                                                 \
    }                                                                                             \
    break

static void combine(uint32_t operation, size_t n, const float *a, const float *b, float *out)
{
    switch (operation) {
    case 0: COMBINED(x + y);
    case 1: COMBINED(x - y);
    case 2: COMBINED(x * y);
    case 3: COMBINED(x / y);
    case 4: COMBINED(vec_if_less(y, x, y, x));
    default: COMBINED(vec_if_less(x, y, y, x));
    }
}

/* Factors of the values of a vector; vectors of all values and lanes, from element i, at `at`. */
#define SPREAD(p, i) (lanes == 1 ? vec_load((p) + (i)) : vec_splat((p)[i]))
#define EACH_VECTOR(i, at)                                                                        \
    for (size_t i = 0; i < n; i += lanes == 1 ? RNNE_LANES : 1)                                   \
        for (size_t at = i * lanes; at < (i + 1) * lanes; at += RNNE_LANES)

/* One compiled for streams, one for fleets. */
#define FOR_LANES(of_lanes)                                                                       \
    if (lanes == 1)                                                                               \
        of_lanes(1);                                                                              \
    else                                                                                          \
        of_lanes(lanes)

VEC_INLINE void affine_of(int is_inverse, size_t n, size_t lanes, const float *z,
                          const float *shift, const float *scale, float *out)
{
    EACH_VECTOR(i, at)
    {
        const vf v = vec_load(z + at), a = SPREAD(shift, i), b = SPREAD(scale, i);
        vec_store(out + at, vec_flush(is_inverse ? v * b + a : (v - a) * b));
    }
}

#define AFFINE(lanes) affine_of(is_inverse, n, lanes, z, shift, scale, out)
static void affine(int is_inverse, size_t n, size_t lanes, const float *z, const float *shift,
                   const float *scale, float *out)
{
    FOR_LANES(AFFINE);
}

VEC_INLINE void depthwise_of(size_t taps, size_t n, size_t lanes, const float *z,
                             const float *bias, const float *weights, float *out)
{
    EACH_VECTOR(i, at)
    {
        vf v = SPREAD(bias, i);
        for (size_t k = 0; k < taps; k++)
            v = v + vec_load(z + k * n * lanes + at) * SPREAD(weights + k * n, i);
        vec_store(out + at, vec_flush(v));
    }
}

#define DEPTHWISE(lanes) depthwise_of(taps, n, lanes, z, bias, weights, out)
static void depthwise(size_t taps, size_t n, size_t lanes, const float *z, const float *bias,
                      const float *weights, float *out)
{
    FOR_LANES(DEPTHWISE);
}

/* ---- total: 16 chains by turns, then halves onto halves ---- */

#if RNNE_LANES == 16
#define EACH_CHAIN(M) EACH_1(M)
#elif RNNE_LANES == 8
#define EACH_CHAIN(M) EACH_2(M)
#elif RNNE_LANES == 4
#define EACH_CHAIN(M) EACH_4(M)
#else
#define EACH_CHAIN(M) EACH_16(M)
#endif

#define CHAIN_START(i) vf a##i = vec_splat(0.0f);
#define CHAIN_TERM(i)                                                                             \
    {                                                                                             \
        const vf v = vec_load(from + (i)*RNNE_LANES);                                             \
        a##i = a##i + (is_of_squares ? v * v : v);                                                \
    }
#define CHAIN_RESULT(i) vec_store(sums + (i)*RNNE_LANES, a##i);

static float total_of(size_t n, const float *z, int is_of_squares)
{
    float sums[RNNE_CHAINS], rest[RNNE_CHAINS] = {0};
    const float *from = z;
    EACH_CHAIN(CHAIN_START)
    for (; from + RNNE_CHAINS <= z + n; from += RNNE_CHAINS) {
        EACH_CHAIN(CHAIN_TERM)
    }
    if (from < z + n) {
        for (size_t i = 0; i < (size_t)(z + n - from); i++)
            rest[i] = from[i];
        from = rest;
        EACH_CHAIN(CHAIN_TERM)
    }
    EACH_CHAIN(CHAIN_RESULT)
    for (size_t half = RNNE_CHAINS / 2; half; half /= 2)
        for (size_t i = 0; i < half; i++)
            sums[i] += sums[half + i];
    return sums[0];
}

/* total[lanes]; sums: [16][lanes] to work in */
static void total(size_t n, size_t lanes, const float *z, int is_of_squares, float *sums,
                  float *out)
{
    if (lanes == 1) {
        *out = total_of(n, z, is_of_squares);
        return;
    }
    memset(sums, 0, RNNE_CHAINS * lanes * sizeof *sums);
    for (size_t k = 0; k < n; k++)
        for (size_t l = 0; l < lanes; l += RNNE_LANES) {
            float *const sum = sums + k % RNNE_CHAINS * lanes + l;
            const vf v = vec_load(z + k * lanes + l);
            vec_store(sum, vec_load(sum) + (is_of_squares ? v * v : v));
        }
    for (size_t half = RNNE_CHAINS / 2; half; half /= 2)
        for (size_t i = 0; i < half * lanes; i += RNNE_LANES)
            vec_store(sums + i, vec_load(sums + i) + vec_load(sums + half * lanes + i));
    memcpy(out, sums, lanes * sizeof *out);
}

/* out = z less mean[lanes] */
VEC_INLINE void centre_of(size_t n, size_t lanes, const float *z, const float *mean, float *out)
{
    EACH_VECTOR(i, at)
    {
        const vf m = lanes == 1 ? vec_splat(mean[0]) : vec_load(mean + (at - i * lanes));
        vec_store(out + at, vec_load(z + at) - m);
    }
}

VEC_INLINE void scale_of(size_t n, size_t lanes, const float *z, const float *factor, float *out)
{
    EACH_VECTOR(i, at)
    {
        const vf f = lanes == 1 ? vec_splat(factor[0]) : vec_load(factor + (at - i * lanes));
        vec_store(out + at, vec_flush(vec_load(z + at) * f));
    }
}

#define CENTRE(lanes) centre_of(n, lanes, z, each, out)
#define SCALE(lanes) scale_of(n, lanes, z, each, out)
static void norm(const rnne_norm_values *values, size_t n, const float *z, float *out)
{
    const size_t lanes = values->lanes;
    float *const sums = values->sums, *const each = sums + RNNE_CHAINS * lanes;
    const float share = 1.0f / (float)n;
    if (values->is_centred) {
        total(n, lanes, z, 0, sums, each);
        for (size_t l = 0; l < lanes; l++)
            each[l] *= share;
        FOR_LANES(CENTRE);
        z = out;
    }
    total(n, lanes, z, 1, sums, each);
    for (size_t l = 0; l < lanes; l++)
        each[l] = each[l] * share + values->eps;
    for (size_t l = 0; l < lanes; l += RNNE_LANES)
        vec_store(each + l, vec_rsqrt(vec_load(each + l)));
    FOR_LANES(SCALE);
}
