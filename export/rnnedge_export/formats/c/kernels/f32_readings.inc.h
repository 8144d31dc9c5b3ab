/* ---- readings ---- */

RNNE_INLINE float rnne_f32_finite_normal(float value)
{
    const uint32_t exponent = rnne_bits(value) & 0x7f800000u;
    return exponent == 0 || exponent == 0x7f800000u ? 0.0f : value;
}

/*
 * Model inputs out of readings: a missing one (NaN, infinite) is the held one.  low, high: NULL
 * for no limits.
 */
RNNE_INLINE void rnne_f32_accept(size_t n, const float *x, const float *low, const float *high,
                                 float *held, float *out)
{
    size_t i;
    for (i = 0; i < n; i++) {
        float value = x[i];
        if (rnne_is_finite(value))
            held[i] = value;
        else
            value = held[i];
        value = rnne_f32_finite_normal(value);
        if (low && value < low[i])
            value = low[i];
        if (high && value > high[i])
            value = high[i];
        out[i] = value;
    }
}

/* Derived inputs: a missing one is 0. */
RNNE_INLINE void rnne_f32_accept_derived(size_t n, const float *x, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_f32_finite_normal(x[i]);
}

/* Whether a reading is missing whose feature refuses that. */
RNNE_INLINE int rnne_f32_is_rejected(size_t n, const uint8_t *rejects, const float *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] && !rnne_is_finite(x[i]))
            return 1;
    return 0;
}

/* ---- values in snapshots: little-endian bits ---- */

/* The float32 next to a float64, rounded to nearest even, in integers. */
RNNE_FUNCTION float rnne_f32_of_float64(uint64_t bits)
{
    const uint32_t sign = (uint32_t)(bits >> 32) & 0x80000000u;
    const int exponent = (int)(bits >> 52 & 0x7ff) - 896; /* of a float32 */
    const uint64_t fraction = bits & 0xfffffffffffffu;
    uint64_t whole, half;
    int shift = 29;
    if (exponent >= 255) {
        const int is_nan = exponent == 1151 && fraction != 0;
        return rnne_float(sign | 0x7f800000u | (is_nan ? 0x400000u : 0));
    }
    if (exponent < -24)
        return rnne_float(sign);
    whole = fraction | (uint64_t)1 << 52;
    if (exponent < 1) /* denormal */
        shift += 1 - exponent;
    else
        whole += (uint64_t)(exponent - 1) << 52;
    half = ((uint64_t)1 << (shift - 1)) - 1 + (whole >> shift & 1);
    return rnne_float(sign | (uint32_t)((whole + half) >> shift));
}

/* Writes a tensor; the result is where the next one goes. */
RNNE_FUNCTION uint8_t *rnne_f32_put_tensor(uint8_t *at, const float *values, uint32_t size)
{
    uint32_t i;
    rnne_put_u32(at, 0);
    rnne_put_u32(at + 4, size);
    for (i = 0, at += 8; i < size; i++, at += 4)
        rnne_put_u32(at, rnne_bits(values[i]));
    return at;
}

/* Where the next tensor begins; NULL where this one is not of `size` values. */
RNNE_FUNCTION const uint8_t *rnne_f32_check_tensor(const uint8_t *at, const uint8_t *end,
                                                   uint32_t size)
{
    size_t width;
    if (!at || end - at < 8 || rnne_get_u32(at) > 1 || rnne_get_u32(at + 4) != size)
        return NULL;
    width = rnne_get_u32(at) ? 8 : 4;
    return (size_t)(end - at - 8) / width < size ? NULL : at + 8 + width * size;
}

/* Reads a tensor that was checked; states are flushed, held readings are not. */
RNNE_FUNCTION const uint8_t *rnne_f32_get_tensor(const uint8_t *at, float *values, uint32_t size,
                                                 int is_held)
{
    const uint32_t is_float64 = rnne_get_u32(at);
    uint32_t i;
    for (i = 0, at += 8; i < size; i++, at += is_float64 ? 8 : 4) {
        float value = rnne_float(rnne_get_u32(at));
        if (is_float64)
            value = rnne_f32_of_float64(rnne_get_u32(at) | (uint64_t)rnne_get_u32(at + 4) << 32);
        values[i] = is_held ? value : rnne_flush(value);
    }
    return at;
}
