/* SPDX-License-Identifier: MIT */
/*
 * Activation functions (docs/numerics.md, "Functions"), for vectors as f32_vec.h has them.
 * Parameters: those of f32_vec.h, any of its combinations.
 */

/* Made by scripts/fit_f32.py. */
#define LOG2_E 0x1.715476p+0f
#define LN2_UPPER 0x1.62e4p-1f
#define LN2_LOWER 0x1.7f7d1cp-20f
#define EXP_0 0x1p-1f
#define EXP_1 0x1.555486p-3f
#define EXP_2 0x1.5554dep-5f
#define EXP_3 0x1.1243c0p-7f
#define EXP_4 0x1.6d5a44p-10f
#define ROUNDER 12582912.0f /* 3 * 2^22: adding it leaves the nearest integer in the low bits */

/* exp v = power * (rest + 1) for v in [-87, 87]; NaN gives NaN in rest. */
VEC_INLINE vf exp_parts(vf v, vf *power)
{
    const vf rounded = v * vec_splat(LOG2_E) + vec_splat(ROUNDER);
    const vf n = rounded - vec_splat(ROUNDER);
    const vf r = (v - n * vec_splat(LN2_UPPER)) - n * vec_splat(LN2_LOWER);
    vf p = vec_splat(EXP_4) * r + vec_splat(EXP_3);
    p = p * r + vec_splat(EXP_2);
    p = p * r + vec_splat(EXP_1);
    p = p * r + vec_splat(EXP_0);
    *power = vec_from_bits((vec_bits(rounded) << 23) + (127u << 23));
    return (r * r) * p + r;
}

VEC_INLINE vf vec_tanh(vf z)
{
    const vf one = vec_splat(1.0f);
    vf a = vec_abs(z), power;
    a = vec_at_most(vec_splat(9.5f), a);
    const vf rest = exp_parts(a + a, &power);
    const vf w = power * rest + (power - one);
    const vf t = w / (w + vec_splat(2.0f));
    return vec_from_bits(vec_bits(t) | (vec_bits(z) & 0x80000000u));
}

VEC_INLINE vf vec_sigmoid(vf z)
{
    const vf one = vec_splat(1.0f), low = vec_splat(-34.0f), high = vec_splat(34.0f);
    vf v = -z, power;
    v = vec_at_most(high, vec_at_least(low, v));
    const vf rest = exp_parts(v, &power);
    return one / (one + (power * rest + power));
}

/* exp z for z <= 0. */
VEC_INLINE vf vec_exp(vf z)
{
    const vf low = vec_splat(-87.0f);
    vf power;
    const vf rest = exp_parts(vec_at_least(low, z), &power);
    return power * rest + power;
}

VEC_INLINE vf vec_relu(vf z)
{
    return vec_at_least(vec_splat(0.0f), z);
}

#define MAP(of_v)                                                                                 \
    for (size_t i = 0; i < n; i += RNNE_LANES) {                                                  \
        const vf v = vec_load(z + i);                                                             \
        vec_store(out + i, of_v);                                                                 \
    }                                                                                             \
    break

static void activate(rnne_function function, size_t n, const float *z, float *out)
{
    switch (function) {
    case RNNE_TANH: MAP(vec_flush(vec_tanh(v)));
    case RNNE_RELU: MAP(vec_flush(vec_relu(v)));
    case RNNE_SIGMOID: MAP(vec_flush(vec_sigmoid(v)));
    case RNNE_EXP: MAP(vec_exp(v));
    case RNNE_IDENTITY: MAP(vec_flush(v));
    }
}
