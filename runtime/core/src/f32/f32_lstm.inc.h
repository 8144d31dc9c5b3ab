/* SPDX-License-Identifier: MIT */
/*
 * An lstm (PyTorch nn.LSTM docs), behind f32_functions.inc.h.
 * Parameters: those of f32_vec.h, any of its combinations.
 * Takes the gates i, f, g and o, c, `soon`.  Gives c, and in h the output before a projection, which
 * lies apart from the gates.
 */
enum { AHEAD = 128 }; /* of values, for each of which 64 bytes are fetched */

/* The arithmetic of the cell leaves the caches idle: they fetch what is read next. */
VEC_INLINE void fetch_ahead(const float *soon, size_t i)
{
#ifdef __GNUC__
    for (size_t k = i; soon && i < AHEAD && k < i + RNNE_LANES; k++)
        __builtin_prefetch(soon + 16 * k);
#else
    (void)soon, (void)i;
#endif
}

/* In two loops, because one has too long a chain of dependent operations. */
static void lstm(const rnne_cell_values *v)
{
    const size_t n = v->n;
    const float *const gates = v->gates, *const soon = v->soon;
    float *const c = v->c, *const m = v->h;
    for (size_t i = 0; i < n; i += RNNE_LANES) {
        fetch_ahead(soon, i);
        const vf input = vec_sigmoid(vec_load(gates + i));
        const vf forget = vec_sigmoid(vec_load(gates + n + i));
        const vf new = vec_tanh(vec_load(gates + 2 * n + i));
        const vf output = vec_sigmoid(vec_load(gates + 3 * n + i));
        const vf cell = vec_flush(forget * vec_load(c + i) + input * new);
        vec_store(c + i, cell);
        vec_store(m + i, output);
    }
    for (size_t i = 0; i < n; i += RNNE_LANES)
        vec_store(m + i, vec_flush(vec_load(m + i) * vec_tanh(vec_load(c + i))));
}
