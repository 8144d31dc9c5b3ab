#ifndef RNNEDGE_F32_HELD
#define RNNEDGE_F32_HELD
/*
 * Readings before the clip in r, model inputs in out; these may be the same.  A missing reading,
 * or one that is not plausible, is the held one.  least, most: NULL for all; low, high: NULL for no
 * limits.
 */
RNNE_INLINE void rnne_f32_hold(size_t n, const float *x, const int32_t *least, const int32_t *most,
                               const float *low, const float *high, float *held, float *r,
                               float *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        float value = x[i];
        if (least ? !rnne_is_out(value, least, most, i) : rnne_is_finite(value))
            held[i] = value;
        else
            value = held[i];
        value = rnne_f32_finite_normal(value);
        r[i] = value;
        if (low && value < low[i])
            value = low[i];
        if (high && value > high[i])
            value = high[i];
        out[i] = value;
    }
}
#endif
