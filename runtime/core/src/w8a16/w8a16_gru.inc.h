/* SPDX-License-Identifier: MIT */
/*
 * A gru, in w8a16_functions.inc.h; parameters are its own.
 * Takes the sums of the gates r, z and n over the input and over the state, and h, Q24.  Gives h.
 */
/* The sum of two halves of a block. */
VEC_INLINE vb add_saturated(const int32_t *a, const int32_t *b)
{
    return vb_pack(vw_add(vw_load(a), vw_load(b)),
                   vw_add(vw_load(a + VEC_HALF), vw_load(b + VEC_HALF)));
}

VEC_INLINE vw reset(vw gate, const int32_t *in, const int32_t *rec)
{
    return vw_add(vw_load(in), vw_mul_shift16(gate_of(gate), vw_load(rec)));
}

VEC_INLINE void update(vw gate, vw t, int32_t *h)
{
    const vw new = vw_shift_left(t, RNNE_GRU_BITS - RNNE_STATE_BITS);
    vw_store(h, vw_add(new, vw_mul_shift16(gate_of(gate), vw_sub(vw_load(h), new))));
}

static void gru(const rnne_q_cell_values *v)
{
    const size_t n = v->n;
    const int32_t *const in = v->in, *const rec = v->sums;
    int32_t *const h = v->h;
    for (size_t i = 0; i < n; i += BLOCK) {
        const vb r = vb_tanh(add_saturated(in + i, rec + i));
        const vb z = vb_tanh(add_saturated(in + n + i, rec + n + i));
        const int32_t *const new_in = in + 2 * n + i, *const new_rec = rec + 2 * n + i;
        const vb new = vb_tanh(vb_pack(reset(vb_low(r), new_in, new_rec),
                                       reset(vb_high(r), new_in + VEC_HALF, new_rec + VEC_HALF)));
        update(vb_low(z), vb_low(new), h + i);
        update(vb_high(z), vb_high(new), h + i + VEC_HALF);
    }
}
