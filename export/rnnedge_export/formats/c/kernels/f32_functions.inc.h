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
