/*
 * Each definition of this file is put into a source that calls it, and into no other
 * (kernel_headers.py): one empty line stands between two of them, and none in them.
 */

/* Up to RNNE_LANES values; the lanes behind the last hold the first. */
RNNE_INLINE rnne_vf rnne_load_rest(const float *p, size_t n)
{
    rnne_vf v = rnne_splat(p[0]);
#if RNNE_LANES == 4
    size_t k;
    for (k = 1; k < n; k++)
        v[k] = p[k];
#else
    (void)n;
#endif
    return v;
}

RNNE_INLINE void rnne_store_rest(float *p, size_t n, rnne_vf v)
{
#if RNNE_LANES == 4
    size_t k;
    for (k = 0; k < n; k++)
        p[k] = v[k];
#else
    (void)n;
    *p = v;
#endif
}

/* out = value, a formula of v and w, which are of a and b; may be in place. */
#define RNNE_EACH_PAIR(value)                                                                     \
    size_t i = 0;                                                                                 \
    for (; i + RNNE_LANES <= n; i += RNNE_LANES) {                                                \
        const rnne_vf v = rnne_load(a + i), w = rnne_load(b + i);                                 \
        rnne_store(out + i, rnne_flush_all(value));                                               \
    }                                                                                             \
    if (i < n) {                                                                                  \
        const rnne_vf v = rnne_load_rest(a + i, n - i), w = rnne_load_rest(b + i, n - i);         \
        rnne_store_rest(out + i, n - i, rnne_flush_all(value));                                   \
    }

/* The same of v alone, which is of z. */
#define RNNE_EACH(value)                                                                          \
    size_t i = 0;                                                                                 \
    for (; i + RNNE_LANES <= n; i += RNNE_LANES) {                                                \
        const rnne_vf v = rnne_load(z + i);                                                       \
        rnne_store(out + i, rnne_flush_all(value));                                               \
    }                                                                                             \
    if (i < n) {                                                                                  \
        const rnne_vf v = rnne_load_rest(z + i, n - i);                                           \
        rnne_store_rest(out + i, n - i, rnne_flush_all(value));                                   \
    }

RNNE_INLINE rnne_vf rnne_polynomial(const float *terms, size_t n, rnne_vf x)
{
    rnne_vf p = rnne_splat(terms[--n]);
    while (n)
        p = p * x + rnne_splat(terms[--n]);
    return p;
}

RNNE_INLINE rnne_vf rnne_of_bits(uint32_t bits)
{
    return rnne_splat(rnne_float(bits));
}

RNNE_INLINE rnne_vf rnne_within(rnne_vf v, rnne_vf low, rnne_vf high)
{
    v = rnne_if_less(v, low, low, v);
    return rnne_if_less(high, v, high, v);
}

RNNE_INLINE rnne_vf rnne_any_exp(rnne_vf v)
{
    rnne_vf power, rest;
    rest = rnne_exp_parts(rnne_within(v, rnne_splat(-87.0f), rnne_splat(87.0f)), &power);
    return power * rest + power;
}

RNNE_INLINE rnne_vf rnne_expm1(rnne_vf v)
{
    rnne_vf power, rest;
    rest = rnne_exp_parts(rnne_within(v, rnne_splat(-87.0f), rnne_splat(87.0f)), &power);
    return power * rest + (power - rnne_splat(1.0f));
}

/* NaN for negative values; bits 0x3f3504f3: sqrt(1/2), 0x4b000000: 2^23. */
RNNE_INLINE rnne_vf rnne_log(rnne_vf z)
{
    static const float terms[8] = {
        0.333333552f, -0.250008523f, 0.199997663f, -0.166213155f, 0.142280996f,
        -0.132034585f, 0.126151875f, -0.0735380277f};
    const rnne_vf smallest = rnne_splat(1.17549435e-38f);
    const rnne_vu bits = RNNE_BITS(rnne_if_less(z, smallest, smallest, z));
    const rnne_vu k = (bits + ((127u << 23) - 0x3f3504f3u)) >> 23; /* the exponent and 127 */
    const rnne_vf x = RNNE_FLOATS((bits - (k << 23)) + (127u << 23)) - rnne_splat(1.0f);
    const rnne_vf e = RNNE_FLOATS(k | 0x4b000000u) - rnne_splat(8388735.0f);
    const rnne_vf s = x * x;
    rnne_vf y = (x * s) * rnne_polynomial(terms, 8, x) + e * rnne_splat(1.42860677e-06f);
    y = y - rnne_splat(0.5f) * s;
    y = (x + y) + e * rnne_splat(0.693145752f);
    y = rnne_if_less(z, rnne_of_bits(0x7f800000u), y, z);
    return rnne_if_less(z, rnne_splat(0.0f), rnne_of_bits(0x7fc00000u), y);
}

/* log(1 + z) for z of 0 to 1. */
RNNE_INLINE rnne_vf rnne_log1p(rnne_vf z)
{
    const rnne_vf one = rnne_splat(1.0f), u = one + z, rest = u - one;
    return rnne_if_less(rnne_splat(0.0f), rest, rnne_log(u) * (z / rest), z);
}

/* By four steps of Newton's; infinite for 0, NaN for negative values. */
RNNE_INLINE rnne_vf rnne_rsqrt(rnne_vf z)
{
    const rnne_vf smallest = rnne_splat(1.17549435e-38f);
    const rnne_vf v = rnne_if_less(z, smallest, rnne_splat(1.0f), z);
    const rnne_vf half = rnne_splat(0.5f) * v;
    rnne_vf y = RNNE_FLOATS(~(RNNE_BITS(v) >> 1) + 0x5f375a87u);
    int i;
    for (i = 0; i < 4; i++)
        y = y * (rnne_splat(1.5f) - (half * y) * y);
    y = rnne_if_less(z, smallest, rnne_of_bits(0x7f800000u), y);
    return rnne_if_less(z, rnne_splat(0.0f), rnne_of_bits(0x7fc00000u), y);
}

RNNE_INLINE rnne_vf rnne_sqrt(rnne_vf z)
{
    const rnne_vf smallest = rnne_splat(1.17549435e-38f);
    return rnne_if_less(rnne_abs(z), smallest, rnne_splat(0.0f), z * rnne_rsqrt(z));
}

RNNE_INLINE rnne_vf rnne_erf(rnne_vf z)
{
    static const float inside[7] = {
        1.12837911f, -0.37612465f, 0.112823293f, -0.0268115588f, 0.00511896564f,
        -0.000746214646f, 6.18492777e-05f};
    static const float outside[5] = {
        0.212281153f, 0.319976419f, -0.0376369804f, 0.433437824f, 0.073088102f};
    const rnne_vf one = rnne_splat(1.0f), limit = rnne_splat(5.0f), b = rnne_abs(z);
    const rnne_vf a = rnne_if_less(limit, b, limit, b), s = a * a;
    const rnne_vf inner = a * rnne_polynomial(inside, 7, s);
    const rnne_vf t = one / (one + rnne_splat(0.4f) * a);
    const rnne_vf outer = one - rnne_any_exp(-s) * (rnne_polynomial(outside, 5, t) * t);
    const rnne_vf y = rnne_if_less(a, one, inner, outer);
    return RNNE_FLOATS(RNNE_BITS(y) | (RNNE_BITS(z) & 0x80000000u));
}

RNNE_INLINE rnne_vf rnne_softplus(rnne_vf z, rnne_vf beta, rnne_vf threshold)
{
    const rnne_vf zero = rnne_splat(0.0f), v = beta * z;
    const rnne_vf y = rnne_if_less(v, zero, zero, v) + rnne_log1p(rnne_any_exp(-rnne_abs(v)));
    return rnne_if_less(threshold, v, z, y / beta);
}

RNNE_INLINE rnne_vf rnne_elu(rnne_vf z, rnne_vf alpha)
{
    return rnne_if_less(z, rnne_splat(0.0f), alpha * rnne_expm1(z), z);
}

RNNE_INLINE rnne_vf rnne_mish(rnne_vf z)
{
    const rnne_vf limit = rnne_splat(20.0f), two = rnne_splat(2.0f);
    const rnne_vf e = rnne_any_exp(rnne_if_less(limit, z, limit, z)), w = e * (e + two);
    return z * (w / (w + two));
}

RNNE_INLINE rnne_vf rnne_gelu(rnne_vf z)
{
    const rnne_vf share = rnne_splat(1.0f) + rnne_erf(z * rnne_splat(0.707106769f));
    return (rnne_splat(0.5f) * z) * share;
}

RNNE_INLINE rnne_vf rnne_gelu_tanh(rnne_vf z)
{
    const rnne_vf cube = rnne_splat(0.0447149985f) * ((z * z) * z);
    const rnne_vf v = rnne_splat(0.797884583f) * (z + cube);
    return (rnne_splat(0.5f) * z) * (rnne_splat(1.0f) + rnne_tanh(v));
}

RNNE_INLINE rnne_vf rnne_hardsigmoid(rnne_vf z)
{
    const rnne_vf six = rnne_splat(6.0f);
    return rnne_within(z + rnne_splat(3.0f), rnne_splat(0.0f), six) / six;
}

RNNE_INLINE rnne_vf rnne_floor(rnne_vf z)
{
    const rnne_vf whole = rnne_splat(8388608.0f), a = rnne_abs(z);
    const rnne_vf size = rnne_if_less(a, whole, (a + whole) - whole, a);
    const rnne_vf nearest = RNNE_FLOATS(RNNE_BITS(size) | (RNNE_BITS(z) & 0x80000000u));
    return rnne_if_less(z, nearest, nearest - rnne_splat(1.0f), nearest);
}

/* Sine of z and that many quarters of a turn; the parts add up to pi / 2. */
RNNE_INLINE rnne_vf rnne_circular(rnne_vf z, uint32_t quarters)
{
    static const float parts[3] = {1.5703125f, 0.000482559204f, 1.26759085e-06f};
    static const float sines[3] = {-0.166666523f, 0.00833202619f, -0.000194986162f};
    static const float cosines[3] = {0.0416666418f, -0.00138871488f, 2.44157327e-05f};
    const rnne_vf one = rnne_splat(1.0f), round = rnne_splat(12582912.0f);
    const rnne_vf v = rnne_within(z, rnne_splat(-65536.0f), rnne_splat(65536.0f));
    const rnne_vf rounded = v * rnne_splat(0.636619747f) + round, n = rounded - round;
    const rnne_vu quarter = RNNE_BITS(rounded) + quarters;
    rnne_vf r = v, s, sine, cosine, y;
    r = r - n * rnne_splat(parts[0]);
    r = r - n * rnne_splat(parts[1]);
    r = r - n * rnne_splat(parts[2]);
    s = r * r;
    sine = r + (r * s) * rnne_polynomial(sines, 3, s);
    cosine = (one - rnne_splat(0.5f) * s) + (s * s) * rnne_polynomial(cosines, 3, s);
    y = rnne_if_less(rnne_splat(0.0f), RNNE_FLOATS((quarter & 1u) << 30), cosine, sine);
    return RNNE_FLOATS(RNNE_BITS(y) ^ ((quarter & 2u) << 30));
}

RNNE_FUNCTION void rnne_f32_leaky_relu(size_t n, float slope, const float *z, float *out)
{
    RNNE_EACH(rnne_if_less(v, rnne_splat(0.0f), rnne_splat(slope) * v, v))
}

RNNE_FUNCTION void rnne_f32_elu(size_t n, float alpha, const float *z, float *out)
{
    RNNE_EACH(rnne_elu(v, rnne_splat(alpha)))
}

RNNE_FUNCTION void rnne_f32_selu(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_splat(1.05070102f) * rnne_elu(v, rnne_splat(1.67326319f)))
}

RNNE_FUNCTION void rnne_f32_gelu(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_gelu(v))
}

RNNE_FUNCTION void rnne_f32_gelu_tanh(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_gelu_tanh(v))
}

RNNE_FUNCTION void rnne_f32_silu(size_t n, const float *z, float *out)
{
    RNNE_EACH(v * rnne_sigmoid(v))
}

RNNE_FUNCTION void rnne_f32_mish(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_mish(v))
}

RNNE_FUNCTION void rnne_f32_softplus(size_t n, float beta, float threshold,
                                     const float *z, float *out)
{
    RNNE_EACH(rnne_softplus(v, rnne_splat(beta), rnne_splat(threshold)))
}

RNNE_FUNCTION void rnne_f32_hardtanh(size_t n, float low, float high, const float *z, float *out)
{
    RNNE_EACH(rnne_within(v, rnne_splat(low), rnne_splat(high)))
}

RNNE_FUNCTION void rnne_f32_hardsigmoid(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_hardsigmoid(v))
}

RNNE_FUNCTION void rnne_f32_hardswish(size_t n, const float *z, float *out)
{
    RNNE_EACH(v * rnne_hardsigmoid(v))
}

RNNE_FUNCTION void rnne_f32_softsign(size_t n, const float *z, float *out)
{
    RNNE_EACH(v / (rnne_splat(1.0f) + rnne_abs(v)))
}

RNNE_FUNCTION void rnne_f32_exp(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_any_exp(v))
}

RNNE_FUNCTION void rnne_f32_log(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_log(v))
}

RNNE_FUNCTION void rnne_f32_sqrt(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_sqrt(v))
}

RNNE_FUNCTION void rnne_f32_rsqrt(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_rsqrt(v))
}

RNNE_FUNCTION void rnne_f32_reciprocal(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_splat(1.0f) / v)
}

RNNE_FUNCTION void rnne_f32_abs(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_abs(v))
}

RNNE_FUNCTION void rnne_f32_erf(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_erf(v))
}

RNNE_FUNCTION void rnne_f32_step(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_if_less(rnne_splat(0.0f), v, rnne_splat(1.0f), rnne_splat(0.0f)))
}

RNNE_FUNCTION void rnne_f32_floor(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_floor(v))
}

RNNE_FUNCTION void rnne_f32_sin(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_circular(v, 0))
}

RNNE_FUNCTION void rnne_f32_cos(size_t n, const float *z, float *out)
{
    RNNE_EACH(rnne_circular(v, 1))
}
