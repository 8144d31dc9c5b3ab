/* SPDX-License-Identifier: MIT */
/*
 * The elementwise functions (docs/numerics.md, "Functions"), behind f32_functions.inc.h.
 * Parameters: those of f32_vec.h, any of its combinations.
 */

/* Made by scripts/fit_functions.py. */
static const float log_terms[] = {0x1.555564p-2f, -0x1.00023cp-2f, 0x1.99986p-3f,  -0x1.54679p-3f,
                                  0x1.236438p-3f, -0x1.0e6826p-3f, 0x1.025beap-3f, -0x1.2d3636p-4f};
static const float erf_terms[] = {0x1.20dd74p+0f, -0x1.8126d2p-2f, 0x1.ce1fccp-4f, -0x1.b747d4p-6f,
                                  0x1.4f79fep-8f, -0x1.873b3cp-11f, 0x1.036a28p-14f};
static const float erfc_terms[] = {0x1.b2c076p-3f, 0x1.47a7e6p-2f, -0x1.345278p-5f, 0x1.bbd72p-2f,
                                   0x1.2b5e6ep-4f};
/* Made by scripts/fit_f32.py. */
static const float sine_terms[] = {-0x1.555542p-3f, 0x1.11061ap-7f, -0x1.98ea66p-13f};
static const float cosine_terms[] = {0x1.555548p-5f, -0x1.6c0b14p-10f, 0x1.99a0c6p-16f};
/* Their sum is pi / 2; the first two have 8 bits, so that their multiples are exact. */
static const float half_pi_parts[] = {0x1.92p+0f, 0x1.fap-12f, 0x1.54442ep-20f};
#define TWO_OVER_PI 0x1.45f306p-1f
#define ROOT_HALF_BITS 0x3f3504f3u
#define RSQRT_BITS 0x5f375a86u
#define SMALLEST_NORMAL 0x1p-126f
#define ROOT_HALF 0x1.6a09e6p-1f
#define ROOT_TWO_OVER_PI 0x1.988454p-1f
#define SELU_ALPHA 0x1.ac5afap+0f
#define SELU_SCALE 0x1.0cfabep+0f
#define GELU_CUBE 0x1.6e4e26p-5f

#define POLYNOMIAL(terms, x) polynomial(terms, sizeof(terms) / sizeof(terms)[0], x)

VEC_INLINE vf polynomial(const float *terms, size_t n, vf x)
{
    vf p = vec_splat(terms[--n]);
    while (n)
        p = p * x + vec_splat(terms[--n]);
    return p;
}

VEC_INLINE vf vec_not_a_number(void)
{
    return vec_from_bits(vec_bits(vec_splat(0.0f)) | 0x7fc00000u);
}

VEC_INLINE vf vec_infinity(void)
{
    return vec_from_bits(vec_bits(vec_splat(0.0f)) | 0x7f800000u);
}

VEC_INLINE vf vec_within(vf z, vf low, vf high)
{
    return vec_at_most(high, vec_at_least(low, z));
}

VEC_INLINE vf vec_any_exp(vf z)
{
    vf power;
    const vf rest = exp_parts(vec_within(z, vec_splat(-87.0f), vec_splat(87.0f)), &power);
    return power * rest + power;
}

VEC_INLINE vf vec_expm1(vf z)
{
    vf power;
    const vf rest = exp_parts(vec_within(z, vec_splat(-87.0f), vec_splat(87.0f)), &power);
    return power * rest + (power - vec_splat(1.0f));
}

VEC_INLINE vf vec_log(vf z)
{
    const vf smallest = vec_splat(SMALLEST_NORMAL);
    const vu bits = vec_bits(vec_if_less(z, smallest, smallest, z));
    const vu k = (bits - ROOT_HALF_BITS + (127u << 23)) >> 23; /* the exponent and 127 */
    const vf x = vec_from_bits(bits - (k << 23) + (127u << 23)) - vec_splat(1.0f);
    const vf e = vec_from_bits(k | 0x4b000000u) - vec_splat(8388608.0f + 127.0f);
    const vf s = x * x;
    vf y = (x * s) * POLYNOMIAL(log_terms, x) + e * vec_splat(LN2_LOWER);
    y = y - vec_splat(0.5f) * s;
    y = (x + y) + e * vec_splat(LN2_UPPER);
    y = vec_if_less(z, vec_infinity(), y, z);
    return vec_if_less(z, vec_splat(0.0f), vec_not_a_number(), y);
}

/* log(1 + z) for z of 0 to 1. */
VEC_INLINE vf vec_log1p(vf z)
{
    const vf one = vec_splat(1.0f), u = one + z, rest = u - one;
    return vec_if_less(vec_splat(0.0f), rest, vec_log(u) * (z / rest), z);
}

VEC_INLINE vf vec_rsqrt(vf z)
{
    const vf smallest = vec_splat(SMALLEST_NORMAL);
    const vf v = vec_if_less(z, smallest, vec_splat(1.0f), z), half = vec_splat(0.5f) * v;
    vf y = vec_from_bits(RSQRT_BITS - (vec_bits(v) >> 1));
    for (int i = 0; i < 4; i++)
        y = y * (vec_splat(1.5f) - (half * y) * y);
    y = vec_if_less(z, smallest, vec_infinity(), y);
    return vec_if_less(z, vec_splat(0.0f), vec_not_a_number(), y);
}

VEC_INLINE vf vec_sqrt(vf z)
{
    return vec_if_less(vec_abs(z), vec_splat(SMALLEST_NORMAL), vec_splat(0.0f), z * vec_rsqrt(z));
}

VEC_INLINE vf vec_erf(vf z)
{
    const vf one = vec_splat(1.0f), a = vec_at_most(vec_splat(5.0f), vec_abs(z)), s = a * a;
    const vf inner = a * POLYNOMIAL(erf_terms, s), t = one / (one + vec_splat(0.4f) * a);
    const vf outer = one - vec_any_exp(-s) * (POLYNOMIAL(erfc_terms, t) * t);
    const vf y = vec_if_less(a, one, inner, outer);
    return vec_from_bits(vec_bits(y) | (vec_bits(z) & 0x80000000u));
}

VEC_INLINE vf vec_softplus(vf z, vf beta, vf threshold)
{
    const vf v = beta * z, y = (vec_relu(v) + vec_log1p(vec_any_exp(-vec_abs(v)))) / beta;
    return vec_if_less(threshold, v, z, y);
}

VEC_INLINE vf vec_elu(vf z, vf alpha)
{
    return vec_if_less(z, vec_splat(0.0f), alpha * vec_expm1(z), z);
}

VEC_INLINE vf vec_mish(vf z)
{
    const vf e = vec_any_exp(vec_at_most(vec_splat(20.0f), z));
    const vf w = e * (e + vec_splat(2.0f));
    return z * (w / (w + vec_splat(2.0f)));
}

VEC_INLINE vf vec_gelu(vf z)
{
    return (vec_splat(0.5f) * z) * (vec_splat(1.0f) + vec_erf(z * vec_splat(ROOT_HALF)));
}

VEC_INLINE vf vec_gelu_tanh(vf z)
{
    const vf v = vec_splat(ROOT_TWO_OVER_PI) * (z + vec_splat(GELU_CUBE) * ((z * z) * z));
    return (vec_splat(0.5f) * z) * (vec_splat(1.0f) + vec_tanh(v));
}

VEC_INLINE vf vec_hardsigmoid(vf z)
{
    const vf six = vec_splat(6.0f);
    return vec_within(z + vec_splat(3.0f), vec_splat(0.0f), six) / six;
}

VEC_INLINE vf vec_with_sign(vf y, vf z)
{
    return vec_from_bits((vec_bits(y) & 0x7fffffffu) | (vec_bits(z) & 0x80000000u));
}

VEC_INLINE vf vec_floor(vf z)
{
    const vf whole = vec_splat(8388608.0f), a = vec_abs(z);
    const vf nearest = vec_with_sign(vec_if_less(a, whole, (a + whole) - whole, a), z);
    return vec_if_less(z, nearest, nearest - vec_splat(1.0f), nearest);
}

/* Sine of z and that many quarters of a turn. */
VEC_INLINE vf vec_circular(vf z, uint32_t quarters)
{
    const vf v = vec_within(z, vec_splat(-65536.0f), vec_splat(65536.0f)), one = vec_splat(1.0f);
    const vf rounded = v * vec_splat(TWO_OVER_PI) + vec_splat(ROUNDER);
    const vf n = rounded - vec_splat(ROUNDER);
    const vu quarter = vec_bits(rounded) + quarters;
    vf r = v;
    for (int i = 0; i < 3; i++)
        r = r - n * vec_splat(half_pi_parts[i]);
    const vf s = r * r, sine = r + (r * s) * POLYNOMIAL(sine_terms, s);
    const vf cosine = (one - vec_splat(0.5f) * s) + (s * s) * POLYNOMIAL(cosine_terms, s);
    const vf is_odd = vec_from_bits((quarter & 1u) << 30); /* 2 or 0 */
    const vf y = vec_if_less(vec_splat(0.0f), is_odd, cosine, sine);
    return vec_from_bits(vec_bits(y) ^ ((quarter & 2u) << 30));
}

/* M(name, formula of z and of the parameters a and b), in the order of their numbers in MODL. */
#define RNNE_FORMULAS(M)                                                                          \
    M(tanh, vec_tanh(z))                                                                          \
    M(relu, vec_relu(z))                                                                          \
    M(sigmoid, vec_sigmoid(z))                                                                    \
    M(leaky_relu, vec_if_less(z, vec_splat(0.0f), a *z, z))                                       \
    M(elu, vec_elu(z, a))                                                                         \
    M(selu, vec_splat(SELU_SCALE) * vec_elu(z, vec_splat(SELU_ALPHA)))                            \
    M(gelu, vec_gelu(z))                                                                          \
    M(gelu_tanh, vec_gelu_tanh(z))                                                                \
    M(silu, z *vec_sigmoid(z))                                                                    \
    M(mish, vec_mish(z))                                                                          \
    M(softplus, vec_softplus(z, a, b))                                                            \
    M(hardtanh, vec_within(z, a, b))                                                              \
    M(hardsigmoid, vec_hardsigmoid(z))                                                            \
    M(hardswish, z *vec_hardsigmoid(z))                                                           \
    M(softsign, z / (vec_splat(1.0f) + vec_abs(z)))                                               \
    M(exp, vec_any_exp(z))                                                                        \
    M(log, vec_log(z))                                                                            \
    M(sqrt, vec_sqrt(z))                                                                          \
    M(rsqrt, vec_rsqrt(z))                                                                        \
    M(reciprocal, vec_splat(1.0f) / z)                                                            \
    M(abs, vec_abs(z))                                                                            \
    M(erf, vec_erf(z))                                                                            \
    M(step, vec_if_less(vec_splat(0.0f), z, vec_splat(1.0f), vec_splat(0.0f)))                    \
    M(floor, vec_floor(z))                                                                        \
    M(sin, vec_circular(z, 0))                                                                    \
    M(cos, vec_circular(z, 1))

#define FORMULA_NUMBER(name, of_z) FORMULA_##name,
enum { RNNE_FORMULAS(FORMULA_NUMBER) };

#define FORMULA_CASE(name, of_z)                                                                  \
    case FORMULA_##name:                                                                          \
        for (size_t i = 0; i < n; i += RNNE_LANES) {                                              \
            const vf z = vec_load(from + i);                                                      \
            vec_store(to + i, vec_flush(of_z));                                                   \
        }                                                                                         \
        break;

static void elementwise(uint32_t formula, float first, float second, size_t n, const float *from,
                        float *to)
{
    const vf a = vec_splat(first), b = vec_splat(second);
    switch (formula) {
        RNNE_FORMULAS(FORMULA_CASE)
    }
}

static void rsqrt(size_t n, const float *z, float *out)
{
    for (size_t i = 0; i < n; i += RNNE_LANES)
        vec_store(out + i, vec_rsqrt(vec_load(z + i)));
}
