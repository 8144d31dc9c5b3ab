/* ---- small layers ---- */

RNNE_INLINE void rnne_f32_copy(size_t n, const float *from, float *to)
{
    const size_t rest = n % 4;
    size_t i;
    rnne_move(from, n - rest, to);
    for (i = n - rest; i < n; i++)
        to[i] = from[i];
}

/* out = (z - shift) * scale; may be in place. */
RNNE_FUNCTION void rnne_f32_affine(size_t n, const float *shift, const float *scale,
                                   const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush((z[i] - shift[i]) * scale[i]);
}

/* out = z * scale + shift; may be in place. */
RNNE_FUNCTION void rnne_f32_inverse_affine(size_t n, const float *shift, const float *scale,
                                           const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(z[i] * scale[i] + shift[i]);
}

/* The row of a token; out of range or NaN row 0. */
RNNE_FUNCTION const float *rnne_f32_embedding(const float *table, size_t rows, size_t size,
                                              float token)
{
    return token >= 0.0f && token < (float)rows ? table + (size_t)token * size : table;
}

/* may be in place. */
RNNE_FUNCTION void rnne_f32_softmax(size_t n, const float *z, float *out)
{
    float largest = z[0], total;
    size_t i;
    for (i = 1; i < n; i++)
        largest = z[i] > largest ? z[i] : largest;
    for (i = 0; i < n; i++)
        out[i] = z[i] - largest;
    rnne_f32_map(RNNE_F32_EXP, n, out, out);
    total = out[0];
    for (i = 1; i < n; i++)
        total = total + out[i];
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(out[i] / total);
}

/* out = z + x[sources]; may be in place. */
RNNE_FUNCTION void rnne_f32_add_last(size_t n, const uint32_t *sources, const float *x,
                                     const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = rnne_flush(z[i] + x[sources[i]]);
}
