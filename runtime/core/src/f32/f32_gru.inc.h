/* SPDX-License-Identifier: MIT */
/*
 * A gru (PyTorch nn.GRU docs; r acts after the recurrent product), behind f32_functions.inc.h.
 * Parameters: those of f32_vec.h, any of its combinations.
 * Takes the gates r and u, `in` and `rec` of the new gate, h.  Gives h.
 */
static void gru(const rnne_cell_values *v)
{
    const size_t n = v->n;
    for (size_t i = 0; i < n; i += RNNE_LANES) {
        const vf r = vec_sigmoid(vec_load(v->gates + i));
        const vf u = vec_sigmoid(vec_load(v->gates + n + i));
        const vf new = vec_tanh(vec_load(v->in + i) + r * vec_load(v->rec + i));
        vec_store(v->h + i, vec_flush((vec_splat(1.0f) - u) * new + u *vec_load(v->h + i)));
    }
}
