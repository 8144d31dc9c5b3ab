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
        for (j = 0; j < 4; j++)
            out[j] = (int16_t)rnne_q_apply(function, v[j]);
    }
}

/* Gates i f g o.  c, with cell_bits fraction bits, is replaced; the new h goes to `out`. */
RNNE_FUNCTION void rnne_q_lstm(const int8_t *w, const int32_t *rows, const int16_t *x,
                               size_t x_groups, const int16_t *h, size_t h_groups, size_t blocks,
                               int cell_bits, int32_t *c, int16_t *out)
{
    for (; blocks; blocks--, c += 4, out += 4) {
        int32_t v[16];
        int j;
        for (j = 0; j < 16; j += 4, rows += 12)
            w = rnne_q_arguments(w, rows, x, x_groups, h, h_groups, v + j);
        for (j = 0; j < 4; j++) {
            const int32_t change = rnne_q_gate(v[j]) * rnne_q_tanh(v[8 + j]);
            const int32_t kept = rnne_q_part(rnne_q_gate(v[4 + j]), c[j]);
            const int32_t cell =
                rnne_q_limit(kept + rnne_q_shift(change, 31 - cell_bits), -RNNE_Q_LARGEST_STATE,
                             RNNE_Q_LARGEST_STATE);
            const int32_t open = rnne_q_tanh(rnne_q_shift(cell, cell_bits - 12));
            c[j] = cell;
            out[j] = (int16_t)rnne_q_shift(rnne_q_gate(v[12 + j]) * open, 16);
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
        int32_t r[4], u[4], n_in[4], n_rec[4];
        int j;
        w = rnne_q_arguments(w, rows, x, x_groups, h15, h_groups, r);
        w = rnne_q_arguments(w, rows + 12, x, x_groups, h15, h_groups, u);
        w = rnne_q_sums(w, x, x_groups, n_in);
        w = rnne_q_sums(w, h15, h_groups, n_rec);
        for (j = 0; j < 4; j++) {
            const int32_t from_x = rnne_q_scaled_onto(rows[32 + j], n_in[j], rows[24 + j]);
            const int32_t from_h = rnne_q_scaled_onto(rows[36 + j], n_rec[j], rows[28 + j]);
            const int32_t v = from_x + rnne_q_part(rnne_q_gate(r[j]), from_h);
            const int32_t n = rnne_q_tanh(v) * 512;
            h[j] = n + rnne_q_part(rnne_q_gate(u[j]), h[j] - n);
        }
    }
}

/* What a gru gives: its state with 15 fraction bits. */
RNNE_FUNCTION void rnne_q_gru_output(size_t blocks, const int32_t *h, int16_t *out)
{
    size_t i;
    for (i = 0; i < 4 * blocks; i++)
        out[i] = (int16_t)rnne_q_shift(h[i], 9);
}
