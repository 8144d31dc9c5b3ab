/*
 * The layers of graphs in integers; each definition is put into a source that calls it, as those
 * of f32_elementwise.inc.h.  Where `each` is 0, one gain (rate, step) is that of all values.
 * There is no division of 64 bits.
 */

/* v / 2^places, halves up. */
RNNE_INLINE int64_t rnne_q_shift_64(int64_t v, int places)
{
    return (v + ((int64_t)1 << (places - 1))) >> places;
}

/* Within +-2^29: with a bias it saturates all the same. */
RNNE_INLINE int32_t rnne_q_limit_64(int64_t v)
{
    const int64_t largest = (int64_t)1 << 29;
    return (int32_t)(v < -largest ? -largest : v > largest ? largest : v);
}

/* q * gain / 2^places, halves up, within +-2^29; |gain| <= 2^22. */
RNNE_INLINE int32_t rnne_q_port(int32_t q, int32_t gain, int places)
{
    const int32_t v = q * (gain >> 8) + (q * (gain & 255) >> 8); /* without the last 8 bits */
    if (places > 37)
        return 0;
    if (places > 8)
        return (v + ((int32_t)1 << (places - 9))) >> (places - 8);
    return rnne_q_limit_64(rnne_q_shift_64((int64_t)q * gain, places));
}

/* The same of a sum of two. */
RNNE_INLINE int32_t rnne_q_port_sum(int32_t a, int32_t gain_a, int32_t b, int32_t gain_b,
                                    int places)
{
    const int32_t low = a * (gain_a & 255) + b * (gain_b & 255);
    const int32_t v = a * (gain_a >> 8) + b * (gain_b >> 8) + (low >> 8);
    if (places > 38)
        return 0;
    if (places > 8)
        return (v + ((int32_t)1 << (places - 9))) >> (places - 8);
    return rnne_q_limit_64(
        rnne_q_shift_64((int64_t)a * gain_a + (int64_t)b * gain_b, places));
}

/* The same of a value of up to 39 bits. */
RNNE_INLINE int32_t rnne_q_port_64(int64_t v, int32_t gain, int places)
{
    return rnne_q_limit_64(rnne_q_shift_64(v * gain, places));
}

/* The largest integer whose square is at most v, below 2^62. */
RNNE_FUNCTION uint32_t rnne_q_root(uint64_t v)
{
    uint64_t root = 0, bit = (uint64_t)1 << 60;
    while (bit > v)
        bit >>= 2;
    for (; bit; bit >>= 2) {
        const uint64_t next = root + bit;
        root >>= 1;
        if (v >= next) {
            v -= next;
            root += bit;
        }
    }
    return (uint32_t)root;
}

/* v / d, d below 2^17. */
RNNE_FUNCTION uint64_t rnne_q_over(uint64_t v, uint32_t d)
{
    uint64_t out = 0;
    uint32_t rest = 0;
    int at;
    for (at = 60; at >= 0; at -= 15) {
        rest = rest << 15 | ((uint32_t)(v >> at) & 32767u);
        out = out << 15 | rest / d;
        rest %= d;
    }
    return out;
}

/* 2^61 / root, which is 2^30 to 2^31 - 1. */
RNNE_FUNCTION uint32_t rnne_q_inverse(uint32_t root)
{
    uint32_t out = 0, rest = (uint32_t)1 << 30;
    int i;
    if (rest == root)
        return (uint32_t)1 << 31;
    for (i = 0; i < 31; i++) {
        rest <<= 1;
        out <<= 1;
        if (rest >= root) {
            rest -= root;
            out |= 1u;
        }
    }
    return out;
}

/* Logarithm to base 2 of v, 1 to 2^62 - 1, as Q24. */
RNNE_FUNCTION int32_t rnne_q_log2(uint64_t v)
{
    static const int32_t table[257] = {
/* LOG TABLE */
    };
    int32_t whole = 24;
    uint32_t k, rest;
    for (; v >= (uint64_t)1 << 25; whole++)
        v >>= 1;
    for (; v < (uint64_t)1 << 24; whole--)
        v <<= 1;
    k = (uint32_t)(v >> 16) & 255u;
    rest = (uint32_t)v & 65535u;
    return whole * ((int32_t)1 << 24) + table[k] +
           (int32_t)rnne_q_shift_64((int64_t)(table[k + 1] - table[k]) * (int32_t)rest, 16);
}

/* 2^-t as Q30 of t in Q24, not negative. */
RNNE_FUNCTION int32_t rnne_q_exp2(int64_t t)
{
    static const int32_t table[257] = {
/* EXP TABLE */
    };
    const int32_t u = (int32_t)t, rest = u & 65535;
    const int32_t *const at = table + ((u >> 16) & 255);
    if (t >= (int64_t)31 << 24)
        return 0;
    return (at[0] + (int32_t)rnne_q_shift_64((int64_t)(at[1] - at[0]) * rest, 16)) >> (u >> 24);
}

/* Values of float layers, or model inputs, as integers; shift: NULL for none. */
RNNE_FUNCTION void rnne_q_convert(size_t n, const float *shift, const float *rate, size_t each,
                                  const float *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const float v = rnne_flush(z[i]);
        out[i] = rnne_q_near((shift ? v - shift[i] : v) * rate[i * each]);
    }
}

/* The values that integers stand for. */
RNNE_FUNCTION void rnne_q_reals(size_t n, const float *step, size_t each, const int16_t *z,
                                float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush((float)z[i] * step[i * each]);
}

/* out = z[indices]; not in place. */
RNNE_FUNCTION void rnne_q_select(size_t n, const uint32_t *indices, const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = z[indices[i]];
}

/* In another unit; may be in place. */
RNNE_FUNCTION void rnne_q_rescale(size_t n, const int32_t *gain, size_t each, int places,
                                  const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (int16_t)rnne_q_sat(rnne_q_port(z[i], gain[i * each], places));
}

/* May be in place. */
RNNE_FUNCTION void rnne_q_affine(size_t n, const int32_t *gain, size_t each, int places,
                                 const int32_t *bias, const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (int16_t)rnne_q_sat(rnne_q_port(z[i], gain[i * each], places) + bias[i]);
}

/* Of each of so many parts of z, as it is put into `part`: W z + bias. */
RNNE_FUNCTION void rnne_q_positions(size_t positions, const int8_t *w, const int32_t *rows,
                                    size_t num_rows, const int32_t *gain, size_t each, int places,
                                    const int16_t *z, size_t num_z, int16_t *part, int16_t *out)
{
    for (; positions; positions--, z += num_z, gain += num_z * each, out += num_rows) {
        rnne_q_rescale(num_z, gain, each, places, z, part);
        rnne_q_fill(num_z, part);
        rnne_q_linear(w, rows, (num_rows + 3) / 4, part, (num_z + 3) / 4, out);
    }
}

/* The sum of each of so many parts of n values; not in place. */
RNNE_FUNCTION void rnne_q_sum(size_t parts, size_t n, const int32_t *gain, size_t each, int places,
                              const int16_t *z, int16_t *out)
{
    for (; parts; parts--, z += n, gain += n * each) {
        int64_t total = 0;
        size_t i;
        for (i = 0; i < n; i++)
            total += each ? (int64_t)z[i] * gain[i] : z[i];
        if (!each)
            total *= gain[0];
        *out++ = (int16_t)rnne_q_sat(rnne_q_limit_64(rnne_q_shift_64(total, places)));
    }
}

/* For each tap its n values times its n weights; not in place. */
RNNE_FUNCTION void rnne_q_depthwise(size_t n, size_t taps, const int8_t *weight,
                                    const int32_t *multiplier, const int32_t *bias,
                                    const int16_t *z, int16_t *out)
{
    size_t i, k;
    for (i = 0; i < n; i++) {
        int32_t total = 0;
        for (k = 0; k < taps; k++)
            total += z[k * n + i] * weight[k * n + i];
        out[i] = (int16_t)rnne_q_sat(rnne_q_scaled(total, multiplier[i]) + bias[i]);
    }
}

/* Each group of n less its mean, over its standard deviation, in 2^-bits; may be in place. */
RNNE_FUNCTION void rnne_q_norm(size_t groups, size_t n, const int32_t *gain, size_t each,
                               int places, int32_t eps, int eps_places, int bits, int is_centred,
                               const int16_t *z, int16_t *out)
{
    for (; groups; groups--, z += n, out += n, gain += n * each) {
        const int32_t num = (int32_t)n;
        int32_t sum = 0, mean = 0, drop = 61 - bits;
        uint64_t squares = 0, variance;
        uint32_t inverse;
        size_t i;
        rnne_q_rescale(n, gain, each, places, z, out);
        for (i = 0; i < n; i++)
            sum += out[i];
        if (is_centred) { /* 64 sum / n */
            const int32_t rest = (sum % num + num) % num;
            mean = (sum - rest) / num * 64 + (128 * rest + num) / (2 * num);
        }
        for (i = 0; i < n; i++) {
            const int32_t d = 64 * out[i] - mean;
            squares += (uint64_t)((int64_t)d * d);
        }
        variance = rnne_q_over(2 * squares + n, 2 * (uint32_t)n);
        variance += (uint64_t)eps << eps_places;
        variance += variance == 0;
        for (; variance < (uint64_t)1 << 60; drop--)
            variance <<= 2;
        inverse = rnne_q_inverse(rnne_q_root(variance));
        for (i = 0; i < n; i++) {
            const int64_t y = (int64_t)(64 * out[i] - mean) * (int64_t)inverse;
            out[i] = (int16_t)rnne_q_sat(rnne_q_limit_64(rnne_q_shift_64(y, drop)));
        }
    }
}
