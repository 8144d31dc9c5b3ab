/*
 * Functions and joins of graphs in integers; see w8a16_ports.inc.h.  All may be in place.
 */

RNNE_FUNCTION void rnne_q_relu(size_t n, const int32_t *gain, size_t each, int places,
                               const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t v = rnne_q_sat(rnne_q_port(z[i], gain[i * each], places));
        out[i] = (int16_t)(v < 0 ? 0 : v);
    }
}

/* Tanh or sigmoid. */
RNNE_FUNCTION void rnne_q_curve(rnne_q_function function, size_t n, const int32_t *gain,
                                size_t each, int places, const int16_t *z, int16_t *out)
{
    size_t i, k;
    for (i = 0; i < n; i += RNNE_Q_LANES) {
        int32_t u[RNNE_Q_LANES];
        for (k = 0; k < RNNE_Q_LANES; k++) {
            const size_t at = i + k < n ? i + k : i;
            u[k] = rnne_q_sat(rnne_q_port(z[at], gain[at * each], places));
        }
        rnne_qv_store(u, rnne_q_apply(function, rnne_qv_load(u)));
        for (k = 0; k < RNNE_Q_LANES && i + k < n; k++)
            out[i + k] = (int16_t)u[k];
    }
}

/* 1 of what is positive, else 0. */
RNNE_FUNCTION void rnne_q_step(size_t n, const int32_t *gain, size_t each, int places,
                               const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (int16_t)rnne_q_sat(z[i] > 0 ? rnne_q_port(1, gain[i * each], places) : 0);
}

RNNE_FUNCTION void rnne_q_floor(size_t n, const int32_t *gain, size_t each, int places,
                                const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = ((int64_t)z[i] * gain[i * each]) >> places;
        out[i] = (int16_t)(v > 32767 ? 32767 : v < -32767 ? -32767 : v);
    }
}

/* Any function by its values at -32768, -32512 ... 32768. */
RNNE_FUNCTION void rnne_q_lookup(size_t n, const int32_t *gain, size_t each, int places,
                                 int32_t bias, const int16_t *table, const int16_t *z,
                                 int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t u = rnne_q_sat(rnne_q_port(z[i], gain[i * each], places) + bias) + 32768;
        const int16_t *const at = table + (u >> 8);
        out[i] = (int16_t)(at[0] + rnne_q_shift((at[1] - at[0]) * (u & 255), 8));
    }
}

RNNE_FUNCTION void rnne_q_log(size_t n, const int32_t *gain, size_t each, int places,
                              const int32_t *bias, const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t v = rnne_q_log2((uint64_t)(z[i] > 1 ? z[i] : 1));
        out[i] = (int16_t)rnne_q_sat(rnne_q_port_64(v, gain[i * each], places) + bias[i]);
    }
}

RNNE_FUNCTION void rnne_q_sqrt(size_t n, const int32_t *gain, size_t each, int places,
                               const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const uint32_t root = rnne_q_root((uint64_t)(z[i] > 0 ? z[i] : 0) << 32);
        out[i] = (int16_t)rnne_q_sat(rnne_q_port_64((int64_t)root, gain[i * each], places));
    }
}

RNNE_FUNCTION void rnne_q_rsqrt(size_t n, const int32_t *gain, size_t each, int places,
                                const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const uint32_t root = rnne_q_root((uint64_t)(z[i] > 1 ? z[i] : 1) << 32);
        uint32_t rest = (uint32_t)1 << 22, v = rest / root; /* 2^46 / root, 2^16 and more */
        int k;
        for (k = 0; k < 3; k++) {
            rest = rest % root << 8;
            v = v << 8 | rest / root;
        }
        out[i] = (int16_t)rnne_q_sat(rnne_q_port_64((int64_t)v, gain[i * each], places));
    }
}

RNNE_FUNCTION void rnne_q_reciprocal(size_t n, const int32_t *gain, size_t each, int places,
                                     const int16_t *z, int16_t *out)
{
    const uint32_t one = (uint32_t)1 << 31; /* 2 * 2^30 */
    size_t i;
    for (i = 0; i < n; i++) {
        const uint32_t d = (uint32_t)(z[i] < 0 ? -z[i] : z[i] ? z[i] : 1);
        const int64_t v = z[i] < 0 ? -(int64_t)((one + d - 1u) / (2u * d))
                                   : (int64_t)((one + d) / (2u * d));
        out[i] = (int16_t)rnne_q_sat(rnne_q_port_64(v, gain[i * each], places));
    }
}

/* And the difference, where a gain of b is negative. */
RNNE_FUNCTION void rnne_q_add(size_t n, const int32_t *gain_a, const int32_t *gain_b, size_t each,
                              int places, const int16_t *a, const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (int16_t)rnne_q_sat(
            rnne_q_port_sum(a[i], gain_a[i * each], b[i], gain_b[i * each], places));
}

RNNE_FUNCTION void rnne_q_minimum(size_t n, const int32_t *gain_a, const int32_t *gain_b,
                                  size_t each, int places, const int16_t *a, const int16_t *b,
                                  int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t v = rnne_q_port(a[i], gain_a[i * each], places);
        const int32_t w = rnne_q_port(b[i], gain_b[i * each], places);
        out[i] = (int16_t)rnne_q_sat(v < w ? v : w);
    }
}

RNNE_FUNCTION void rnne_q_maximum(size_t n, const int32_t *gain_a, const int32_t *gain_b,
                                  size_t each, int places, const int16_t *a, const int16_t *b,
                                  int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t v = rnne_q_port(a[i], gain_a[i * each], places);
        const int32_t w = rnne_q_port(b[i], gain_b[i * each], places);
        out[i] = (int16_t)rnne_q_sat(v > w ? v : w);
    }
}

RNNE_FUNCTION void rnne_q_multiply(size_t n, const int32_t *gain, size_t each, int places,
                                   const int16_t *a, const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)(a[i] * b[i]) * gain[i * each];
        const int32_t high = (int32_t)(v >> 32);
        out[i] = (int16_t)rnne_q_sat(places > 32 ? rnne_q_shift(high, places - 32)
                                                 : rnne_q_limit_64(rnne_q_shift_64(v, places)));
    }
}

RNNE_FUNCTION void rnne_q_divide(size_t n, const int32_t *gain, size_t each, int places,
                                 const int16_t *a, const int16_t *b, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)a[i] * gain[i * each];
        const int32_t d = b[i] < 0 ? -b[i] : b[i];
        const int64_t halves = 2 * (b[i] < 0 ? -v : v) + ((int64_t)d << places);
        int32_t m = v > 0 ? RNNE_Q_LARGEST : v < 0 ? -RNNE_Q_LARGEST : 0;
        if (d) {
            const int64_t whole = halves >> (places + 1), most = (int64_t)1 << 30;
            m = (int32_t)(whole < -most ? -most : whole > most ? most : whole);
            m = m < 0 ? -((d - 1 - m) / d) : m / d;
        }
        out[i] = (int16_t)rnne_q_sat(m);
    }
}

/* e * 2^15 / total, halves up, at most 32767; total: e and more, from 2^30 on. */
RNNE_INLINE int32_t rnne_q_share(int32_t e, int64_t total, int drop, uint32_t inverse)
{
    int32_t out = (int32_t)(((uint32_t)((int64_t)e >> drop) * inverse) >> 16);
    int64_t rest = (int64_t)e * 65536 + total - 2 * total * out;
    for (; rest < 0; out--)
        rest += 2 * total;
    for (; rest >= 2 * total; out++)
        rest -= 2 * total;
    return rnne_q_at_most(out);
}

/* The largest q * gain of a group. */
RNNE_INLINE int64_t rnne_q_largest(size_t n, const int32_t *gain, size_t each, const int16_t *z)
{
    int64_t largest = (int64_t)z[0] * gain[0];
    size_t i;
    for (i = 1; i < n; i++) {
        const int64_t v = (int64_t)z[i] * gain[i * each];
        largest = v > largest ? v : largest;
    }
    return largest;
}

/* Of each group of n. */
RNNE_FUNCTION void rnne_q_softmax(size_t groups, size_t n, const int32_t *gain, size_t each,
                                  int places, const int16_t *z, int16_t *out)
{
    for (; groups; groups--, z += n, out += n, gain += n * each) {
        const int64_t largest = rnne_q_largest(n, gain, each, z);
        int64_t total = 0;
        uint32_t inverse;
        int drop;
        size_t i;
        for (i = 0; i < n; i++)
            total += rnne_q_exp2(
                rnne_q_shift_64(largest - (int64_t)z[i] * gain[i * each], places));
        for (drop = 15; total >> drop > 65535; drop++)
            ;
        inverse = ((uint32_t)1 << 31) / (uint32_t)(total >> drop);
        for (i = 0; i < n; i++) {
            const int64_t below = largest - (int64_t)z[i] * gain[i * each];
            const int32_t e = rnne_q_exp2(rnne_q_shift_64(below, places));
            out[i] = (int16_t)rnne_q_share(e, total, drop, inverse);
        }
    }
}

/* Its logarithm. */
RNNE_FUNCTION void rnne_q_log_softmax(size_t groups, size_t n, const int32_t *gain, size_t each,
                                      int places, int32_t out_gain, int out_places,
                                      const int16_t *z, int16_t *out)
{
    for (; groups; groups--, z += n, out += n, gain += n * each) {
        const int64_t largest = rnne_q_largest(n, gain, each, z);
        int64_t total = 0, whole;
        size_t i;
        for (i = 0; i < n; i++)
            total += rnne_q_exp2(
                rnne_q_shift_64(largest - (int64_t)z[i] * gain[i * each], places));
        whole = rnne_q_log2((uint64_t)total) - ((int64_t)30 << 24);
        for (i = 0; i < n; i++) {
            const int64_t below = largest - (int64_t)z[i] * gain[i * each];
            const int64_t v = whole + rnne_q_shift_64(below, places);
            out[i] = (int16_t)rnne_q_sat(rnne_q_port_64(-v, out_gain, out_places));
        }
    }
}

/* Value i with 9 more bits: that of `wide`, or where it is NULL that of z. */
RNNE_INLINE int32_t rnne_q_wide(const int32_t *wide, const int16_t *z, size_t i)
{
    return wide ? wide[i] : z[i] * 512;
}

/* v as value i with 9 more bits, and as int16 unless `out` is NULL. */
RNNE_INLINE void rnne_q_put_wide(int64_t v, size_t i, int32_t *wide, int16_t *out)
{
    const int64_t largest = RNNE_Q_LARGEST_STATE;
    wide[i] = (int32_t)(v < -largest ? -largest : v > largest ? largest : v);
    if (out)
        out[i] = (int16_t)rnne_q_sat(rnne_q_shift(wide[i], 9));
}

RNNE_FUNCTION void rnne_q_copy_wide(size_t n, const int32_t *from, int32_t *to)
{
    size_t i;
    for (i = 0; i < n; i++)
        to[i] = from[i];
}

RNNE_FUNCTION void rnne_q_narrow(size_t n, const int32_t *wide, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (int16_t)rnne_q_sat(rnne_q_shift(wide[i], 9));
}

RNNE_FUNCTION void rnne_q_affine_wide(size_t n, const int32_t *gain, size_t each, int places,
                                      const int32_t *bias, const int32_t *wide, const int16_t *z,
                                      int32_t *wide_out, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)rnne_q_wide(wide, z, i) * gain[i * each];
        const int64_t from = (int64_t)bias[i] * 512;
        rnne_q_put_wide(rnne_q_shift_64(v, places) + from, i, wide_out, out);
    }
}

RNNE_FUNCTION void rnne_q_add_wide(size_t n, const int32_t *gain_a, const int32_t *gain_b,
                                   size_t each, int places, const int32_t *wide_a,
                                   const int16_t *a, const int32_t *wide_b, const int16_t *b,
                                   int32_t *wide_out, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)rnne_q_wide(wide_a, a, i) * gain_a[i * each];
        const int64_t w = (int64_t)rnne_q_wide(wide_b, b, i) * gain_b[i * each];
        rnne_q_put_wide(rnne_q_shift_64(v + w, places), i, wide_out, out);
    }
}

RNNE_FUNCTION void rnne_q_multiply_wide(size_t n, const int32_t *gain, size_t each, int places,
                                        const int32_t *wide, const int16_t *z, int32_t *wide_out,
                                        int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int64_t v = (int64_t)wide[i] * z[i] * gain[i * each];
        rnne_q_put_wide(rnne_q_shift_64(v, places), i, wide_out, out);
    }
}
