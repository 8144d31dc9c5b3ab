/* ---- readings as integers ---- */

/* Model inputs out of readings: a missing one is the held one.  low, high: NULL for none. */
RNNE_INLINE void rnne_q_accept(size_t n, const int16_t *x, const int16_t *low,
                               const int16_t *high, int16_t *held, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        int16_t value = x[i];
        if (value == RNNE_Q_MISSING)
            value = held[i];
        if (low && value < low[i])
            value = low[i];
        if (high && value > high[i])
            value = high[i];
        held[i] = value;
        out[i] = value;
    }
}

/* Derived inputs: a missing one is `zero`. */
RNNE_INLINE void rnne_q_accept_derived(size_t n, const int16_t *x, const int16_t *low,
                                       const int16_t *high, const int16_t *zero, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        out[i] = x[i] == RNNE_Q_MISSING ? zero[i] : x[i];
        if (low && out[i] < low[i])
            out[i] = low[i];
        if (high && out[i] > high[i])
            out[i] = high[i];
    }
}

/* A token out of range is token 0, a missing one the held one. */
RNNE_INLINE void rnne_q_accept_token(const int16_t *x, int32_t rows, int16_t *held, int16_t *out)
{
    if (*x != RNNE_Q_MISSING)
        *held = *x < 0 || *x >= rows ? 0 : *x;
    *out = *held;
}

/* Whether a reading is missing whose feature refuses that. */
RNNE_INLINE int rnne_q_is_rejected(size_t n, const uint8_t *rejects, const int16_t *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] && x[i] == RNNE_Q_MISSING)
            return 1;
    return 0;
}

/* ---- between float and integers ---- */

/* The nearest integer, halves up, within [-32767, 32767]; NaN is -32767. */
RNNE_FUNCTION int16_t rnne_q_near(float v)
{
    int32_t whole;
    v = v > -32767.0f ? v : -32767.0f;
    v = v > 32767.0f ? 32767.0f : v;
    v = v + 0.5f;
    whole = (int32_t)v;
    return (int16_t)(whole - ((float)whole > v));
}

RNNE_INLINE int16_t rnne_q_of_reading(float x, float shift, float rate)
{
    return rnne_q_near((rnne_f32_finite_normal(x) - shift) * rate);
}

RNNE_INLINE int16_t rnne_q_of_token(float x, float rows)
{
    return x >= 0.0f && x < rows ? (int16_t)x : (int16_t)0;
}

/* Readings as integers, not limited yet. */
RNNE_FUNCTION void rnne_q_quantise(size_t n, const float *shift, const float *rate,
                                   const float *x, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_is_finite(x[i]) ? rnne_q_of_reading(x[i], shift[i], rate[i])
                                      : (int16_t)RNNE_Q_MISSING;
}

RNNE_FUNCTION void rnne_q_quantise_token(float rows, const float *x, int16_t *out)
{
    *out = rnne_is_finite(*x) ? rnne_q_of_token(*x, rows) : (int16_t)RNNE_Q_MISSING;
}

/* Values of a float layer as integers. */
RNNE_FUNCTION void rnne_q_enter(size_t n, const float *rate, const float *z, int16_t *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_q_near(z[i] * rate[i]);
    rnne_q_fill(n, out);
}

/* The values that integers stand for. */
RNNE_FUNCTION void rnne_q_values(size_t n, const float *step, const float *shift,
                                 const int16_t *q, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = (float)q[i] * step[i] + shift[i];
}

/* The same, magnitudes below 2^-50 as 0. */
RNNE_FUNCTION void rnne_q_leave(size_t n, const float *step, const float *offset,
                                const int16_t *q, float *out)
{
    size_t i;
    rnne_q_values(n, step, offset, q, out);
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(out[i]);
}
