/* ---- small layers; they fill the last group of 4 with zeros ---- */

RNNE_INLINE void rnne_q_fill(size_t n, int16_t *out)
{
    for (; n % 4; n++)
        out[n] = 0;
}

RNNE_INLINE void rnne_q_copy(size_t n, const int16_t *from, int16_t *to)
{
    size_t i;
    for (i = 0; i < n; i++)
        to[i] = from[i];
}

/* v * gain / 2^15, halves up. */
RNNE_INLINE int32_t rnne_q_gained(int32_t v, int32_t gain)
{
    return rnne_q_shift(v * gain, 15);
}

/* Whole groups are written; may be in place. Beyond `bound`, where the product would leave 32 bits,
   the function has long reached its limit. */
RNNE_FUNCTION void rnne_q_map(rnne_q_function function, int32_t gain, int32_t bound, size_t n,
                              const int16_t *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i += RNNE_Q_LANES) {
        const rnne_qv v = 
            rnne_qv_shift(rnne_qv_limit(rnne_qv_load16(z + i), -bound, bound) * gain, 15);
        rnne_qv_store16(out + i, rnne_q_apply(function, rnne_qv_sat(v)));
    }
    rnne_q_fill(n, out);
}

/* out = z + x[sources]; may be in place. */
RNNE_FUNCTION void rnne_q_add_last(size_t n, const int32_t *gain, const int32_t *source_gain,
                                   const uint32_t *sources, const int16_t *x, const int16_t *z,
                                   int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        const int32_t last = rnne_q_gained(x[sources[i]], source_gain[i]);
        out[i] = (int16_t)rnne_q_sat(rnne_q_gained(z[i], gain[i]) + last);
    }
    rnne_q_fill(n, out);
}

/* A row of a table. */
RNNE_FUNCTION void rnne_q_embedding(const int8_t *table, const int32_t *multipliers, size_t size,
                                    int16_t row, int16_t *out)
{
    const int8_t *const w = table + (size_t)row * size;
    size_t i;
    for (i = 0; i < size; i++)
        out[i] = (int16_t)rnne_q_sat(rnne_q_shift(w[i] * multipliers[row], 15));
    rnne_q_fill(size, out);
}
