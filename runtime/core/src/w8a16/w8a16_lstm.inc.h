/* SPDX-License-Identifier: MIT */
/*
 * An lstm, in w8a16_functions.inc.h; parameters are its own.
 * Takes the sums of the gates i, f, g and o, and c.  Gives c, and in m the output before a projection.
 */
/* The new cell of half a block, from tanh of its gates. */
VEC_INLINE vw new_cell(int cell_bits, vw input, vw forget, vw new, vw c)
{
    const vw kept = vw_mul_shift16(gate_of(forget), c);
    const vw added = vw_shift(vw_mul(gate_of(input), new), 31 - cell_bits);
    return vw_limit(vw_add(kept, added), RNNE_LARGEST_STATE);
}

VEC_INLINE vw gated(vw gate, vw t)
{
    return vw_shift(vw_mul(gate_of(gate), t), 16);
}

static void lstm(const rnne_q_cell_values *v)
{
    const size_t n = v->n;
    const int32_t *const gates = v->sums;
    int32_t *const c = v->c;
    int16_t *const m = v->m;
    const int cell_bits = v->cell_bits, to_argument = cell_bits - RNNE_ARGUMENT_BITS;
    for (size_t i = 0; i < n; i += BLOCK) {
        const vb input = vb_tanh(load_saturated(gates + i));
        const vb forget = vb_tanh(load_saturated(gates + n + i));
        const vb new = vb_tanh(load_saturated(gates + 2 * n + i));
        const vb output = vb_tanh(load_saturated(gates + 3 * n + i));
        const vw low =
            new_cell(cell_bits, vb_low(input), vb_low(forget), vb_low(new), vw_load(c + i));
        const vw high = new_cell(cell_bits, vb_high(input), vb_high(forget), vb_high(new),
                                 vw_load(c + i + VEC_HALF));
        vw_store(c + i, low);
        vw_store(c + i + VEC_HALF, high);
        const vb t = vb_tanh(vb_pack(vw_shift(low, to_argument), vw_shift(high, to_argument)));
        vb_store(m + i,
                 vb_pack(gated(vb_low(output), vb_low(t)), gated(vb_high(output), vb_high(t))));
    }
}
