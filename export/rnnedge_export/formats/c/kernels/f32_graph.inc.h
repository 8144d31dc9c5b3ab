/*
 * The layers that only a graph has; each definition is put into a source that calls it, as those
 * of f32_elementwise.inc.h.
 */

RNNE_FUNCTION void rnne_f32_add(size_t n, const float *a, const float *b, float *out)
{
    RNNE_EACH_PAIR(v + w)
}

RNNE_FUNCTION void rnne_f32_subtract(size_t n, const float *a, const float *b, float *out)
{
    RNNE_EACH_PAIR(v - w)
}

RNNE_FUNCTION void rnne_f32_multiply(size_t n, const float *a, const float *b, float *out)
{
    RNNE_EACH_PAIR(v * w)
}

RNNE_FUNCTION void rnne_f32_divide(size_t n, const float *a, const float *b, float *out)
{
    RNNE_EACH_PAIR(v / w)
}

RNNE_FUNCTION void rnne_f32_minimum(size_t n, const float *a, const float *b, float *out)
{
    RNNE_EACH_PAIR(rnne_if_less(w, v, w, v))
}

RNNE_FUNCTION void rnne_f32_maximum(size_t n, const float *a, const float *b, float *out)
{
    RNNE_EACH_PAIR(rnne_if_less(v, w, w, v))
}

/* out = z[indices]; not in place. */
RNNE_FUNCTION void rnne_f32_select(size_t n, const uint32_t *indices, const float *z, float *out)
{
    size_t i;
    for (i = 0; i < n; i++)
        out[i] = z[indices[i]];
}

/* Of each of so many parts of z: bias + W z. */
RNNE_FUNCTION void rnne_f32_positions(size_t positions, const float *w, size_t rows,
                                      const float *z, size_t num_z, float *out)
{
    for (; positions; positions--, z += num_z, out += rows)
        rnne_f32_product(w, rows, z, num_z, NULL, 0, out);
}

/* out = bias, then for each tap its n values times its n weights; not in place. */
RNNE_FUNCTION void rnne_f32_depthwise(size_t n, size_t taps, const float *weight,
                                      const float *bias, const float *z, float *out)
{
    size_t i = 0, k;
    for (; i + RNNE_LANES <= n; i += RNNE_LANES) {
        rnne_vf v = rnne_load(bias + i);
        for (k = 0; k < taps; k++)
            v = v + rnne_load(z + k * n + i) * rnne_load(weight + k * n + i);
        rnne_store(out + i, rnne_flush_all(v));
    }
    for (; i < n; i++) {
        float v = bias[i];
        for (k = 0; k < taps; k++)
            v = v + z[k * n + i] * weight[k * n + i];
        out[i] = rnne_flush(v);
    }
}

/* The sum of z, or of its squares: 16 partial sums, then the upper half onto the lower. */
RNNE_INLINE float rnne_total(size_t n, const float *z, int is_of_squares)
{
    rnne_vf a[16 / RNNE_LANES];
    float sums[16];
    size_t i, j;
    for (j = 0; j < 16 / RNNE_LANES; j++)
        a[j] = rnne_splat(0.0f);
    for (i = 0; i + 16 <= n; i += 16)
        for (j = 0; j < 16 / RNNE_LANES; j++) {
            rnne_vf v = rnne_load(z + i + j * RNNE_LANES);
            if (is_of_squares)
                v = v * v;
            a[j] = a[j] + v;
        }
    for (j = 0; j < 16 / RNNE_LANES; j++)
        rnne_store(sums + j * RNNE_LANES, a[j]);
    for (j = 0; i < n; i++, j++)
        sums[j] = sums[j] + (is_of_squares ? z[i] * z[i] : z[i]);
    for (j = 8; j; j /= 2)
        for (i = 0; i < j; i++)
            sums[i] = sums[i] + sums[i + j];
    return sums[0];
}

/* The sum of each of so many parts of n values; not in place. */
RNNE_FUNCTION void rnne_f32_sum(size_t parts, size_t n, const float *z, float *out)
{
    for (; parts; parts--, z += n)
        *out++ = rnne_flush(rnne_total(n, z, 0));
}

/* Each group of n less its mean, over its standard deviation; share: 1 / n; may be in place. */
RNNE_FUNCTION void rnne_f32_norm(size_t groups, size_t n, float share, float eps, int is_centred,
                                 const float *z, float *out)
{
    for (; groups; groups--, z += n, out += n) {
        const float mean = is_centred ? rnne_total(n, z, 0) * share : 0.0f;
        float lanes[RNNE_LANES];
        size_t i;
        for (i = 0; i < n; i++)
            out[i] = z[i] - mean;
        rnne_store(lanes, rnne_rsqrt(rnne_splat(rnne_total(n, out, 1) * share + eps)));
        for (i = 0; i < n; i++)
            out[i] = rnne_flush(out[i] * lanes[0]);
    }
}

/* Of each group of n; may be in place. */
RNNE_FUNCTION void rnne_f32_softmax_parts(size_t groups, size_t n, const float *z, float *out)
{
    for (; groups; groups--, z += n, out += n)
        rnne_f32_softmax(n, z, out);
}

/* The logarithm of the softmax of each group of n; may be in place. */
RNNE_FUNCTION void rnne_f32_log_softmax(size_t groups, size_t n, const float *z, float *out)
{
    for (; groups; groups--, z += n, out += n) {
        float largest = z[0], total = 0.0f, lanes[RNNE_LANES];
        size_t i;
        for (i = 1; i < n; i++)
            largest = z[i] > largest ? z[i] : largest;
        for (i = 0; i < n; i++) {
            out[i] = z[i] - largest;
            rnne_store(lanes, rnne_any_exp(rnne_splat(out[i])));
            total = total + lanes[0];
        }
        rnne_store(lanes, rnne_log(rnne_splat(total)));
        for (i = 0; i < n; i++)
            out[i] = rnne_flush(out[i] - lanes[0]);
    }
}

/* The share of the way that h goes in a step. */
RNNE_INLINE rnne_vf rnne_lru_share(rnne_vf d, float step)
{
    const rnne_vf one = rnne_splat(1.0f), length = rnne_splat(step < 0.0f ? 0.0f : step);
    return -rnne_expm1(-(rnne_softplus(d, one, rnne_splat(20.0f)) * length));
}

RNNE_INLINE rnne_vf rnne_lru_next(rnne_vf share, rnne_vf n, rnne_vf h)
{
    return rnne_flush_all(h + share * (rnne_tanh(n) - h));
}

RNNE_INLINE rnne_vf rnne_lru_shown(rnne_vf o, rnne_vf h)
{
    return rnne_flush_all(rnne_sigmoid(o) * h);
}

/* h goes `share`, a formula of d, of its way; sums: of d, n and o. */
#define RNNE_EACH_LRU(share)                                                                      \
    size_t i = 0;                                                                                 \
    for (; i + RNNE_LANES <= n; i += RNNE_LANES) {                                                \
        const rnne_vf d = rnne_load(sums + i), goal = rnne_load(sums + n + i);                    \
        const rnne_vf after = rnne_lru_next(share, goal, rnne_load(h + i));                       \
        rnne_store(h + i, after);                                                                 \
        rnne_store(out + i, rnne_lru_shown(rnne_load(sums + 2 * n + i), after));                  \
    }                                                                                             \
    if (i < n) {                                                                                  \
        const size_t left = n - i;                                                                \
        const rnne_vf d = rnne_load_rest(sums + i, left);                                         \
        const rnne_vf goal = rnne_load_rest(sums + n + i, left);                                  \
        const rnne_vf opened = rnne_load_rest(sums + 2 * n + i, left);                            \
        const rnne_vf after = rnne_lru_next(share, goal, rnne_load_rest(h + i, left));            \
        rnne_store_rest(h + i, left, after);                                                      \
        rnne_store_rest(out + i, left, rnne_lru_shown(opened, after));                            \
    }

RNNE_FUNCTION void rnne_f32_lru(size_t n, const float *sums, float *h, float *out)
{
    RNNE_EACH_LRU(rnne_sigmoid(d))
}

/* The same of a step of that length. */
RNNE_FUNCTION void rnne_f32_lru_step(size_t n, const float *sums, const float *step, float *h,
                                     float *out)
{
    RNNE_EACH_LRU(rnne_lru_share(d, *step))
}
