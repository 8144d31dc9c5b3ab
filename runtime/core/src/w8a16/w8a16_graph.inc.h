/*
 * The layers of graphs in integers (docs/numerics.md, "Graphs"), behind w8a16_arithmetic.inc.h.  A gain
 * has n values, one of each element that is read.  Kernels may be in place unless it is said.
 */

RNNE_FUNCTION void rnne_q_affine(size_t n, const int32_t *gain, int places, const int32_t *bias,
                                 const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_sat_long(rnne_q_shift_long((int64_t)z[i] * gain[i], places) + bias[i]);
}

RNNE_FUNCTION void rnne_q_log(size_t n, const int32_t *gain, int places, const int32_t *bias,
                              const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = rnne_q_log2(z[i] < 1 ? 1 : z[i]);
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v * gain[i], places) + bias[i]);
    }
}

RNNE_FUNCTION void rnne_q_sqrt(size_t n, const int32_t *gain, int places, const int16_t *z,
                               int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = rnne_q_root(z[i] < 1 ? 0 : (int64_t)z[i] << 32);
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v * gain[i], places));
    }
}

RNNE_FUNCTION void rnne_q_rsqrt(size_t n, const int32_t *gain, int places, const int16_t *z,
                                int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = ((int64_t)1 << 46) / rnne_q_root((int64_t)(z[i] < 1 ? 1 : z[i]) << 32);
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v * gain[i], places));
    }
}

RNNE_FUNCTION void rnne_q_reciprocal(size_t n, const int32_t *gain, int places, const int16_t *z,
                                     int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = rnne_q_divided((int64_t)1 << 30, z[i] ? z[i] : 1);
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v * gain[i], places));
    }
}

/* 1 of what is positive, else 0. */
RNNE_FUNCTION void rnne_q_step(size_t n, const int32_t *gain, int places, const int16_t *z,
                               int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_sat_long(z[i] > 0 ? rnne_q_shift_long(gain[i], places) : 0);
}

RNNE_FUNCTION void rnne_q_floor(size_t n, const int32_t *gain, int places, const int16_t *z,
                                int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_sat_long(((int64_t)z[i] * gain[i]) >> places);
}

/* A function by its table [257]; one bias. */
RNNE_FUNCTION void rnne_q_table(size_t n, const int32_t *gain, int places, int32_t bias,
                                const int16_t *table, const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t u = rnne_q_shift_long((int64_t)z[i] * gain[i], places) + bias;
        out[i] = rnne_q_looked_up(table, rnne_q_sat_long(u));
    }
}

/* The largest z * gain of a group. */
RNNE_FUNCTION int64_t rnne_q_largest(size_t n, const int32_t *gain, const int16_t *z)
{
    int64_t largest = (int64_t)z[0] * gain[0];
    size_t i;
    for (i = 1; i < n; i++) {
        const int64_t v = (int64_t)z[i] * gain[i];
        largest = v > largest ? v : largest;
    }
    return largest;
}

/* Of each of so many groups of n; the groups have their gains one behind the other. */
RNNE_FUNCTION void rnne_q_softmax(size_t groups, size_t n, const int32_t *gain, int places,
                                  const int16_t *z, int16_t *out)
{
    for (; groups; groups--, z += n, gain += n, out += n) {
        const int64_t largest = rnne_q_largest(n, gain, z);
        int64_t total = 0;
        size_t i;
        for (i = 0; i < n; i++)
            total += rnne_q_exp2(rnne_q_shift_long(largest - (int64_t)z[i] * gain[i], places));
        for (i = 0; i < n; i++) {
            const int64_t t = rnne_q_shift_long(largest - (int64_t)z[i] * gain[i], places);
            out[i] = rnne_q_sat_long(rnne_q_divided((int64_t)rnne_q_exp2(t) << 15, total));
        }
    }
}

/* Its logarithm. */
RNNE_FUNCTION void rnne_q_log_softmax(size_t groups, size_t n, const int32_t *gain, int places,
                                      int32_t out_gain, int out_places, const int16_t *z,
                                      int16_t *out)
{
    for (; groups; groups--, z += n, gain += n, out += n) {
        const int64_t largest = rnne_q_largest(n, gain, z);
        int64_t total = 0;
        size_t i;
        for (i = 0; i < n; i++)
            total += rnne_q_exp2(rnne_q_shift_long(largest - (int64_t)z[i] * gain[i], places));
        total = rnne_q_log2(total) - ((int64_t)30 << 24);
        for (i = 0; i < n; i++) {
            const int64_t t = rnne_q_shift_long(largest - (int64_t)z[i] * gain[i], places);
            out[i] = rnne_q_sat_long(rnne_q_shift_long(-(t + total) * out_gain, out_places));
        }
    }
}

/* The sum of two; of a difference gain_1 is negative. */
RNNE_FUNCTION void rnne_q_add(size_t n, const int32_t *gain_0, const int32_t *gain_1, int places,
                              const int16_t *a, const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)a[i] * gain_0[i] + (int64_t)b[i] * gain_1[i];
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v, places));
    }
}

RNNE_FUNCTION void rnne_q_minimum(size_t n, const int32_t *gain_0, const int32_t *gain_1,
                                  int places, const int16_t *a, const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)a[i] * gain_0[i], w = (int64_t)b[i] * gain_1[i];
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v < w ? v : w, places));
    }
}

RNNE_FUNCTION void rnne_q_maximum(size_t n, const int32_t *gain_0, const int32_t *gain_1,
                                  int places, const int16_t *a, const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)a[i] * gain_0[i], w = (int64_t)b[i] * gain_1[i];
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v > w ? v : w, places));
    }
}

RNNE_FUNCTION void rnne_q_multiply(size_t n, const int32_t *gain, int places, const int16_t *a,
                                   const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)((int32_t)a[i] * b[i]) * gain[i];
        out[i] = rnne_q_sat_long(rnne_q_shift_long(v, places));
    }
}

RNNE_FUNCTION void rnne_q_divide(size_t n, const int32_t *gain, int places, const int16_t *a,
                                 const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)a[i] * gain[i], d = (int64_t)b[i] * ((int64_t)1 << places);
        const int64_t infinite = v < 0 ? -32767 : v > 0 ? 32767 : 0;
        out[i] = rnne_q_sat_long(d ? rnne_q_divided(v, d) : infinite);
    }
}

/* out = z[indices]; not in place. */
RNNE_FUNCTION void rnne_q_select(size_t n, const uint32_t *indices, const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = z[indices[i]];
}

/*
 * The values of `taps` steps, `dilation` apart, the oldest first; this one is z in the unit of the
 * state.  kept [(taps - 1) dilation][n]: those before, which move on; not in place.
 */
RNNE_FUNCTION void rnne_q_window(size_t n, size_t taps, size_t dilation, const int32_t *gain,
                                 int places, int16_t *kept, const int16_t *z, int16_t *out)
{
    const size_t last = ((taps - 1) * dilation - 1) * n;
    size_t k, i;
    for (k = 0; k + 1 < taps; k++)
        for (i = 0; i < n; i++)
            out[k * n + i] = kept[k * dilation * n + i];
    rnne_q_port(n, gain, places, z, out + (taps - 1) * n);
    for (i = 0; i < last; i++)
        kept[i] = kept[i + n];
    for (i = 0; i < n; i++)
        kept[last + i] = out[(taps - 1) * n + i];
}

/* Each group of n less its mean, over its standard deviation, in 2^-bits. */
RNNE_FUNCTION void rnne_q_norm(size_t groups, size_t n, const int32_t *gain, int places,
                               int64_t eps, int bits, int is_centred, const int16_t *z,
                               int16_t *out)
{
    for (; groups; groups--, z += n, gain += n, out += n) {
        int64_t mean = 0, variance = 0, inverse;
        int half;
        size_t i;
        rnne_q_port(n, gain, places, z, out);
        for (i = 0; i < n; i++)
            mean += out[i];
        mean = is_centred ? rnne_q_divided(mean * 64, (int64_t)n) : 0;
        for (i = 0; i < n; i++) {
            const int64_t d = (int64_t)out[i] * 64 - mean;
            variance += d * d;
        }
        variance = rnne_q_divided(variance, (int64_t)n) + eps;
        variance = variance < 1 ? 1 : variance;
        half = (62 - rnne_q_bits(variance)) >> 1;
        inverse = ((int64_t)1 << 61) / rnne_q_root(variance << (2 * half));
        for (i = 0; i < n; i++) {
            const int64_t d = (int64_t)out[i] * 64 - mean;
            out[i] = rnne_q_sat_long(rnne_q_shift_long(d * inverse, 61 - half - bits));
        }
    }
}

/* The sum of each of so many parts of n values; not in place. */
RNNE_FUNCTION void rnne_q_total(size_t parts, size_t n, const int32_t *gain, int places,
                                const int16_t *z, int16_t *out)
{
    for (; parts; parts--, z += n, gain += n) {
        int64_t total = 0;
        size_t i;
        for (i = 0; i < n; i++)
            total += (int64_t)z[i] * gain[i];
        *out++ = rnne_q_sat_long(rnne_q_shift_long(total, places));
    }
}

/* Of each tap its n values times its n weights, and a bias; not in place. */
RNNE_FUNCTION void rnne_q_depthwise(size_t n, size_t taps, const int8_t *weight,
                                    const int32_t *multiplier, const int32_t *bias,
                                    const int16_t *z, int16_t *out)
{
    size_t i, k;
    for (i = 0; i < n; i++) {
        int32_t total = 0;
        for (k = 0; k < taps; k++)
            total += (int32_t)z[k * n + i] * weight[k * n + i];
        out[i] = rnne_q_sat_long((int64_t)rnne_q_scaled(total, multiplier[i]) + bias[i]);
    }
}

/* A value that is carried with 9 more bits, as others read it. */
RNNE_FUNCTION void rnne_q_narrowed(size_t n, const int32_t *wide, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_sat_long(rnne_q_shift_long(wide[i], 9));
}

/* Element i with 9 more bits; wide is NULL where z is not carried so. */
RNNE_INLINE int64_t rnne_q_widened(const int32_t *wide, const int16_t *z, size_t i)
{
    return wide ? wide[i] : (int64_t)z[i] * 512;
}

/* The three that give a wide value; z and wide are the same value. */
RNNE_FUNCTION void rnne_q_affine_wide(size_t n, const int32_t *gain, int places,
                                      const int32_t *bias, const int32_t *wide, const int16_t *z,
                                      int32_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = rnne_q_widened(wide, z, i) * gain[i];
        out[i] = rnne_q_sat_wide(rnne_q_shift_long(v, places) + (int64_t)bias[i] * 512);
    }
}

RNNE_FUNCTION void rnne_q_multiply_wide(size_t n, const int32_t *gain, int places,
                                        const int32_t *a, const int16_t *b, int32_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_sat_wide(rnne_q_shift_long((int64_t)a[i] * b[i] * gain[i], places));
}

RNNE_FUNCTION void rnne_q_add_wide(size_t n, const int32_t *gain_0, const int32_t *gain_1,
                                   int places, const int32_t *wide_a, const int16_t *a,
                                   const int32_t *wide_b, const int16_t *b, int32_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = rnne_q_widened(wide_a, a, i) * gain_0[i];
        const int64_t w = rnne_q_widened(wide_b, b, i) * gain_1[i];
        out[i] = rnne_q_sat_wide(rnne_q_shift_long(v + w, places));
    }
}
