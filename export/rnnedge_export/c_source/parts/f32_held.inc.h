#ifndef RNNEDGE_F32_HELD
#define RNNEDGE_F32_HELD
/* ---- readings before the clip ---- */

/* A missing reading, or one that is not plausible, is the held one.  least, most: NULL for all. */
RNNE_INLINE void rnne_f32_hold(size_t n, const float *x, const int32_t *least,
                               const int32_t *most, float *held, float *r)
{
    size_t i;
    for (i = 0; i < n; i++) {
        if (least ? !rnne_is_out(x[i], least, most, i) : rnne_is_finite(x[i]))
            held[i] = x[i];
        r[i] = rnne_f32_finite_normal(held[i]);
    }
}

/* May be in place. */
RNNE_INLINE void rnne_f32_clip(size_t n, const float *r, const float *low, const float *high,
                               float *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        float value = r[i];
        if (value < low[i])
            value = low[i];
        if (value > high[i])
            value = high[i];
        out[i] = value;
    }
}

/* Changes since the step before; d: its n readings, then 0 where there was none. */
RNNE_FUNCTION void rnne_f32_changes(size_t n, const float *low, const float *high,
                                    const uint32_t *sources, const float *r, float *d, float *out)
{
    const int is_first = (rnne_bits(d[n]) & 0x7fffffffu) == 0;
    size_t i;
    for (i = 0; i < n; i++) {
        const float reading = r[sources[i]];
        float change = is_first ? 0.0f : reading - d[i];
        if (change < low[i])
            change = low[i];
        if (change > high[i])
            change = high[i];
        out[i] = rnne_flush(change);
        d[i] = rnne_flush(reading);
    }
    d[n] = 1.0f;
}
#endif
