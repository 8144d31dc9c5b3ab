#ifndef RNNEDGE_F32_CHANGES
#define RNNEDGE_F32_CHANGES
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
