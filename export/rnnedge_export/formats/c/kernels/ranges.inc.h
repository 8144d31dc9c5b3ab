#ifndef RNNEDGE_RANGES
#define RNNEDGE_RANGES
/* ---- ranges of plausible readings ---- */

/*
 * Keys are ordered as numbers are, -0 right below +0, infinities and NaN beyond all: no mode of
 * the processor matters where they are compared.
 */
RNNE_INLINE int32_t rnne_key(float value)
{
    const uint32_t bits = rnne_bits(value);
    return bits >> 31 ? -(int32_t)(bits & 0x7fffffffu) - 1 : (int32_t)bits;
}

/* Whether a reading is missing or not plausible; least, most: keys. */
RNNE_INLINE int rnne_is_out(float x, const int32_t *least, const int32_t *most, size_t i)
{
    const int32_t key = rnne_key(x);
    return key < least[i] || key > most[i];
}

/* Whether one is whose feature refuses that. */
#ifdef __GNUC__
__attribute__((unused))
#endif
RNNE_INLINE int rnne_is_ruled_out(size_t n, const uint8_t *rejects, const int32_t *least,
                                  const int32_t *most, const float *x)
{
    size_t i;
    for (i = 0; i < n; i++)
        if (rejects[i] && rnne_is_out(x[i], least, most, i))
            return 1;
    return 0;
}
#endif
