#ifndef RNNEDGE_W8A16_HELD
#define RNNEDGE_W8A16_HELD
/* ---- readings before the clip: held in 32 bits, of which the network takes 16 ---- */

#define RNNE_Q_MISSING_READING (-2147483647 - 1)

/* Whether a reading is not plausible; least, most: NULL where all are. */
RNNE_INLINE int rnne_q_is_out(int32_t x, const int32_t *least, const int32_t *most, size_t i)
{
    return least && (x < least[i] || x > most[i]);
}

/* Readings within [low, high]; the last one stays where there is none that is plausible. */
RNNE_FUNCTION void rnne_q_hold(size_t n, const int32_t *x, const int32_t *least,
                               const int32_t *most, const int32_t *low, const int32_t *high,
                               int32_t *held)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (x[i] != RNNE_Q_MISSING_READING && !rnne_q_is_out(x[i], least, most, i))
            held[i] = rnne_q_limit(x[i], low[i], high[i]);
}

/* As the network takes them. */
RNNE_FUNCTION void rnne_q_clip(size_t n, const int32_t *held, const int16_t *low,
                               const int16_t *high, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (int16_t)rnne_q_limit(held[i], low[i], high[i]);
}

/* Derived inputs: a missing one is `zero`. */
RNNE_FUNCTION void rnne_q_clip_derived(size_t n, const int32_t *x, const int16_t *low,
                                       const int16_t *high, const int16_t *zero, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t value = x[i] == RNNE_Q_MISSING_READING ? zero[i] : x[i];
        out[i] = (int16_t)rnne_q_limit(value, low[i], high[i]);
    }
}

/* Readings that are not plausible as missing ones. */
RNNE_FUNCTION void rnne_q_drop(size_t n, const int16_t *x, const int32_t *least,
                               const int32_t *most, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_is_out(x[i], least, most, i) ? (int16_t)RNNE_Q_MISSING : x[i];
}

/* Whether a reading is missing, or not plausible, whose feature refuses that. */
RNNE_FUNCTION int rnne_q_is_ruled_out(size_t n, const uint8_t *rejects, const int32_t *least,
                                      const int32_t *most, const int16_t *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] && (x[i] == RNNE_Q_MISSING || rnne_q_is_out(x[i], least, most, i)))
            return 1;
    return 0;
}

RNNE_FUNCTION int rnne_q_is_ruled_out_32(size_t n, const uint8_t *rejects, const int32_t *least,
                                         const int32_t *most, const int32_t *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] &&
            (x[i] == RNNE_Q_MISSING_READING || rnne_q_is_out(x[i], least, most, i)))
            return 1;
    return 0;
}

RNNE_FUNCTION void rnne_q_copy_32(size_t n, const int32_t *from, int32_t *to)
{
    size_t i;
    for (i = 0; i < n; i++)
        to[i] = from[i];
}

RNNE_FUNCTION void rnne_q_widen(size_t n, const int16_t *from, int32_t *to)
{
    size_t i;
    for (i = 0; i < n; i++)
        to[i] = from[i];
}

/* out = z + r[sources]: whole units of the output, however far r is; products of 32 bits. */
RNNE_FUNCTION void rnne_q_add_reading(size_t n, const int32_t *gain, const int32_t *multiple,
                                      const uint32_t *sources, const int32_t *r,
                                      const int16_t *z, int32_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t change = z[i] * (gain[i] >> 15) + rnne_q_gained(z[i], gain[i] & 0x7fff);
        out[i] = r[sources[i]] * multiple[i] + change;
    }
}

/* Changes since the step before; d: its n readings, then whether there was one. */
RNNE_FUNCTION void rnne_q_changes(size_t n, const int32_t *low, const int32_t *high,
                                  const int32_t *drop, const uint32_t *sources,
                                  const int32_t *r, int32_t *d, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        int32_t change = d[n] ? r[sources[i]] - d[i] : 0;
        change = rnne_q_limit(change, low[i], high[i]);
        change = (change + (((int32_t)1 << drop[i]) >> 1)) >> drop[i];
        out[i] = (int16_t)rnne_q_sat(change);
        d[i] = r[sources[i]];
    }
    d[n] = 1;
}

/* ---- between float and integers ---- */

/* Integers of readings that are not plausible as missing. */
RNNE_FUNCTION void rnne_q_rule_out(size_t n, const float *x, const int32_t *least,
                                   const int32_t *most, int16_t *q)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rnne_is_out(x[i], least, most, i))
            q[i] = (int16_t)RNNE_Q_MISSING;
}

RNNE_FUNCTION void rnne_q_rule_out_32(size_t n, const float *x, const int32_t *least,
                                      const int32_t *most, int32_t *q)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rnne_is_out(x[i], least, most, i))
            q[i] = RNNE_Q_MISSING_READING;
}

/* The nearest integer, halves up, within 2^23. */
RNNE_FUNCTION int32_t rnne_q_of_reading_32(float x, float shift, float rate)
{
    float v = (rnne_f32_finite_normal(x) - shift) * rate;
    int32_t whole;
    v = v > -8388608.0f ? v : -8388608.0f;
    v = v > 8388608.0f ? 8388608.0f : v;
    v = v + 0.5f;
    whole = (int32_t)v;
    return whole - ((float)whole > v);
}

/* Readings as integers, not limited yet. */
RNNE_FUNCTION void rnne_q_quantise_32(size_t n, const float *shift, const float *rate,
                                      const float *x, int32_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_is_finite(x[i]) ? rnne_q_of_reading_32(x[i], shift[i], rate[i])
                                      : RNNE_Q_MISSING_READING;
}

/* The values that integers stand for. */
RNNE_FUNCTION void rnne_q_values_32(size_t n, const float *step, const float *shift,
                                    const int32_t *q, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (float)q[i] * step[i] + shift[i];
}

/* The same, magnitudes below 2^-50 as 0. */
RNNE_FUNCTION void rnne_q_leave_32(size_t n, const float *step, const float *offset,
                                   const int32_t *q, float *out)
{
    size_t i;
    rnne_q_values_32(n, step, offset, q, out);
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(out[i]);
}

/* ---- in snapshots ---- */

RNNE_FUNCTION uint8_t *rnne_q_put_readings(uint8_t *at, const int32_t *held, uint32_t size,
                                           const float *step, const float *shift)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4) {
        float value;
        rnne_q_values_32(1, step + i, shift + i, held + i, &value);
        rnne_put_u32(at, rnne_bits(value));
    }
    return at;
}

RNNE_FUNCTION int32_t rnne_q_get_reading(const uint8_t *at, uint32_t i, float shift, float rate,
                                         int32_t low, int32_t high)
{
    const float value = rnne_float(rnne_q_element(at, i));
    return rnne_q_limit(rnne_q_of_reading_32(value, shift, rate), low, high);
}

RNNE_FUNCTION const uint8_t *rnne_q_get_readings(const uint8_t *at, int32_t *held, uint32_t size,
                                                 const float *shift, const float *rate,
                                                 const int32_t *low, const int32_t *high)
{
    uint32_t i;
    for (i = 0; i < size; i++)
        held[i] = rnne_q_get_reading(at, i, shift[i], rate[i], low[i], high[i]);
    return rnne_q_next(at, size);
}

/* n readings of the step before, then 1; all 0 where there was none. */
RNNE_FUNCTION uint8_t *rnne_q_put_changes(uint8_t *at, const int32_t *d, uint32_t n,
                                          const uint32_t *sources, const float *step,
                                          const float *shift)
{
    uint32_t i;
    at = rnne_q_put_head(at, n + 1);
    for (i = 0; i <= n; i++, at += 4) {
        float value = d[n] ? 1.0f : 0.0f;
        if (i < n && d[n])
            rnne_q_values_32(1, step + sources[i], shift + sources[i], d + i, &value);
        rnne_put_u32(at, rnne_bits(value));
    }
    return at;
}

RNNE_FUNCTION const uint8_t *rnne_q_get_changes(const uint8_t *at, int32_t *d, uint32_t n,
                                                const uint32_t *sources, const float *shift,
                                                const float *rate, const int32_t *low,
                                                const int32_t *high)
{
    uint32_t i, k;
    for (i = 0; i < n; i++) {
        k = sources[i];
        d[i] = rnne_q_get_reading(at, i, shift[k], rate[k], low[k], high[k]);
    }
    d[n] = (rnne_q_element(at, n) & 0x7fffffffu) != 0;
    return rnne_q_next(at, n + 1);
}
#endif
