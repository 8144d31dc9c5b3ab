/* SPDX-License-Identifier: MIT */
/*
 * An lru (docs/numerics.md), behind f32_elementwise.inc.h.
 * Parameters: those of f32_vec.h, any of its combinations.
 */

/* How far h comes towards its goal in a step of this length. */
VEC_INLINE vf lru_share(vf d, vf step)
{
    return -vec_expm1(-(vec_softplus(d, vec_splat(1.0f), vec_splat(20.0f)) * vec_relu(step)));
}

/* The new h of `share` of the way, and the output. */
VEC_INLINE void lru_store(const rnne_lru_values *v, size_t i, vf share)
{
    const vf goal = vec_tanh(vec_load(v->gates + v->n + i));
    const vf opened = vec_sigmoid(vec_load(v->gates + 2 * v->n + i)), before = vec_load(v->h + i);
    const vf h = vec_flush(before + share * (goal - before));
    vec_store(v->h + i, h);
    vec_store(v->y + i, vec_flush(opened * h));
}

static void lru(const rnne_lru_values *v)
{
    if (!v->step) {
        for (size_t i = 0; i < v->n; i += RNNE_LANES)
            lru_store(v, i, vec_sigmoid(vec_load(v->gates + i)));
        return;
    }
    for (size_t i = 0; i < v->n; i += RNNE_LANES) {
        const float *const step = v->step + i % v->lanes;
        const vf length = v->lanes == 1 ? vec_splat(*step) : vec_load(step);
        lru_store(v, i, lru_share(vec_load(v->gates + i), length));
    }
}
