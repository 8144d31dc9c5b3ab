/*
 * ---- cells: blocks of 4 units, a panel per gate; the last block is written in full ----
 *
 * w: per panel the groups of x, then of h.  rows: per panel 4 multipliers for x, 4 for h and
 * 4 biases.
 */

/* The new h goes to `out`. */
RNNE_FUNCTION void rnne_q_rnn(rnne_q_function function, const int8_t *w, const int32_t *rows,
                              const int16_t *x, size_t x_groups, const int16_t *h, size_t blocks,
                              int16_t *out)
{
    const size_t h_groups = blocks;
    for (; blocks; blocks--, rows += 12, out += 4) {
        int32_t v[4];
        int j;
        w = rnne_q_arguments(w, rows, x, x_groups, h, h_groups, v);
        for (j = 0; j < 4; j += RNNE_Q_LANES)
            rnne_qv_store16(out + j, rnne_q_apply(function, rnne_qv_load(v + j)));
    }
}

/* Gates i f g o.  c, with cell_bits fraction bits, is replaced; the new h goes to `out`. */
RNNE_FUNCTION void rnne_q_lstm(const int8_t *w, const int32_t *rows, const int16_t *x,
                               size_t x_groups, const int16_t *h, size_t h_groups, size_t blocks,
                               int cell_bits, int32_t *c, int16_t *out)
{
    enum { LARGEST = RNNE_Q_LARGEST_STATE };
    for (; blocks; blocks--, c += 4, out += 4) {
        int32_t v[16];
        int j;
        for (j = 0; j < 16; j += 4, rows += 12)
            w = rnne_q_arguments(w, rows, x, x_groups, h, h_groups, v + j);
        for (j = 0; j < 4; j += RNNE_Q_LANES) {
            const rnne_qv input = rnne_q_gate(rnne_qv_load(v + j));
            const rnne_qv change = input * rnne_q_tanh(rnne_qv_load(v + 8 + j));
            const rnne_qv forget = rnne_q_gate(rnne_qv_load(v + 4 + j));
            const rnne_qv kept = rnne_qv_part(forget, rnne_qv_load(c + j));
            const rnne_qv sum = kept + rnne_qv_shift(change, 31 - cell_bits);
            const rnne_qv cell = rnne_qv_limit(sum, -LARGEST, LARGEST);
            const rnne_qv open = rnne_q_tanh(rnne_qv_shift(cell, cell_bits - 12));
            const rnne_qv output = rnne_q_gate(rnne_qv_load(v + 12 + j));
            rnne_qv_store(c + j, cell);
            rnne_qv_store16(out + j, rnne_qv_shift(output * open, 16));
        }
    }
}

/*
 * Gates r z n, r after the recurrent product; the panel of n has 4 more biases, of n_rec.
 * h: the new state with 24 fraction bits; h15: the state before, which stays.
 */
RNNE_FUNCTION void rnne_q_gru(const int8_t *w, const int32_t *rows, const int16_t *x,
                              size_t x_groups, const int16_t *h15, size_t blocks, int32_t *h)
{
    const size_t h_groups = blocks;
    for (; blocks; blocks--, rows += 40, h += 4) {
        const int32_t *const of_n = rows + 24;
        int32_t r[4], u[4], n_in[4], n_rec[4];
        int j;
        w = rnne_q_arguments(w, rows, x, x_groups, h15, h_groups, r);
        w = rnne_q_arguments(w, rows + 12, x, x_groups, h15, h_groups, u);
        w = rnne_q_sums(w, x, x_groups, n_in);
        w = rnne_q_sums(w, h15, h_groups, n_rec);
        for (j = 0; j < 4; j += RNNE_Q_LANES) {
            const rnne_qv gate = rnne_q_gate(rnne_qv_load(r + j));
            const rnne_qv from_x = rnne_qv_onto(
                rnne_qv_load(of_n + 8 + j), rnne_qv_load(n_in + j), rnne_qv_load(of_n + j));
            const rnne_qv from_h = rnne_qv_onto(
                rnne_qv_load(of_n + 12 + j), rnne_qv_load(n_rec + j), rnne_qv_load(of_n + 4 + j));
            const rnne_qv n = rnne_q_tanh(from_x + rnne_qv_part(gate, from_h)) * 512;
            const rnne_qv update = rnne_q_gate(rnne_qv_load(u + j));
            rnne_qv_store(h + j, n + rnne_qv_part(update, rnne_qv_load(h + j) - n));
        }
    }
}

/* What a gru gives: its state with 15 fraction bits. */
RNNE_FUNCTION void rnne_q_gru_output(size_t blocks, const int32_t *h, int16_t *out)
{
    size_t i;
    for (i = 0; i < 4 * blocks; i += RNNE_Q_LANES)
        rnne_qv_store16(out + i, rnne_qv_sat(rnne_qv_shift(rnne_qv_load(h + i), 9)));
}
