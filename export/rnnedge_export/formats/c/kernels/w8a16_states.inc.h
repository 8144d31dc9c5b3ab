/* ---- states in snapshots: float32 values, made and read without any float operation ---- */

/* The bits of the float32 v / 2^bits, |v| <= 2^24. */
RNNE_FUNCTION uint32_t rnne_q_bits_of(int32_t v, int bits)
{
    uint32_t fraction = (uint32_t)(v < 0 ? -v : v);
    uint32_t exponent = (uint32_t)(127 + 24 - bits);
    if (fraction == 0)
        return 0;
    for (; fraction < (uint32_t)1 << 24; exponent--)
        fraction <<= 1;
    return (v < 0 ? 0x80000000u : 0) | exponent << 23 | (fraction >> 1 & 0x7fffffu);
}

/* The integer nearest to a float32 times 2^bits, halves up, within +-largest; NaN is 0. */
RNNE_FUNCTION int32_t rnne_q_of_bits(uint32_t value, int bits, int32_t largest)
{
    const int32_t exponent = (int32_t)(value >> 23 & 0xffu);
    int32_t v = (int32_t)(value & 0x7fffffu), shift = exponent - 150 + bits;
    if (exponent == 255 && v != 0)
        return 0;
    if (shift > 1) /* 2^25 and more */
        return value >> 31 ? -largest : largest;
    if (exponent == 0 || shift < -25)
        return 0;
    v |= (int32_t)1 << 23;
    v = value >> 31 ? -v : v;
    v = shift >= 0 ? v * ((int32_t)1 << shift) : rnne_q_shift(v, -shift);
    return rnne_q_limit(v, -largest, largest);
}

/* Head of a tensor of `size` values; the result is where they go. */
RNNE_INLINE uint8_t *rnne_q_put_head(uint8_t *at, uint32_t size)
{
    rnne_put_u32(at, 0);
    rnne_put_u32(at + 4, size);
    return at + 8;
}

RNNE_FUNCTION uint8_t *rnne_q_put_16(uint8_t *at, const int16_t *values, uint32_t size, int bits)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4)
        rnne_put_u32(at, rnne_q_bits_of(values[i], bits));
    return at;
}

RNNE_FUNCTION uint8_t *rnne_q_put_32(uint8_t *at, const int32_t *values, uint32_t size, int bits)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4)
        rnne_put_u32(at, rnne_q_bits_of(values[i], bits));
    return at;
}

RNNE_FUNCTION uint8_t *rnne_q_put_held(uint8_t *at, const int16_t *held, uint32_t size,
                                       const float *step, const float *shift)
{
    uint32_t i;
    at = rnne_q_put_head(at, size);
    for (i = 0; i < size; i++, at += 4) {
        float value;
        rnne_q_values(1, step + i, shift + i, held + i, &value);
        rnne_put_u32(at, rnne_bits(value));
    }
    return at;
}

/* Element i of a tensor that was checked. */
RNNE_FUNCTION uint32_t rnne_q_element(const uint8_t *tensor, uint32_t i)
{
    const uint8_t *const at = tensor + 8 + 8 * (size_t)i;
    if (!rnne_get_u32(tensor))
        return rnne_get_u32(at - 4 * (size_t)i);
    return rnne_bits(
        rnne_f32_of_float64(rnne_get_u32(at) | (uint64_t)rnne_get_u32(at + 4) << 32));
}

RNNE_INLINE const uint8_t *rnne_q_next(const uint8_t *tensor, uint32_t size)
{
    return tensor + 8 + (rnne_get_u32(tensor) ? 8 : 4) * (size_t)size;
}

RNNE_FUNCTION const uint8_t *rnne_q_get_16(const uint8_t *at, int16_t *values, uint32_t size,
                                           int bits)
{
    uint32_t i;
    for (i = 0; i < size; i++)
        values[i] = (int16_t)rnne_q_of_bits(rnne_q_element(at, i), bits, RNNE_Q_LARGEST);
    return rnne_q_next(at, size);
}

RNNE_FUNCTION const uint8_t *rnne_q_get_32(const uint8_t *at, int32_t *values, uint32_t size,
                                           int bits)
{
    uint32_t i;
    for (i = 0; i < size; i++)
        values[i] = rnne_q_of_bits(rnne_q_element(at, i), bits, RNNE_Q_LARGEST_STATE);
    return rnne_q_next(at, size);
}

/* Held readings; one that is not finite counts as 0. */
RNNE_FUNCTION const uint8_t *rnne_q_get_held(const uint8_t *at, int16_t *held, uint32_t size,
                                             const float *shift, const float *rate,
                                             const int16_t *low, const int16_t *high)
{
    uint32_t i;
    for (i = 0; i < size; i++) {
        const float value = rnne_float(rnne_q_element(at, i));
        held[i] = rnne_q_of_reading(rnne_is_finite(value) ? value : 0.0f, shift[i], rate[i]);
    }
    rnne_q_accept(size, held, low, high, held, held);
    return rnne_q_next(at, size);
}

RNNE_FUNCTION const uint8_t *rnne_q_get_token(const uint8_t *at, int16_t *held, float rows)
{
    *held = rnne_q_of_token(rnne_float(rnne_q_element(at, 0)), rows);
    return rnne_q_next(at, 1);
}
