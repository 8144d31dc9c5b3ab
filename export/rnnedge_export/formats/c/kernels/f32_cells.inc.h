/* ---- cells: new states of whole blocks of 4 units, so up to 3 values past the last ---- */

/*
 * PyTorch nn.LSTM: per block of units the bias and the rows of x and of h, each 16 weights of
 * i, f, g and o.  c is replaced; the new h, not projected, goes to `out`.
 */
RNNE_FUNCTION void rnne_f32_lstm(const float *w, const float *x, size_t num_x, const float *h,
                                 size_t num_h, size_t hidden_size, float *c, float *out)
{
    enum { GATE = 4 / RNNE_LANES };
    rnne_vf a[16 / RNNE_LANES];
    size_t unit, j;
    for (unit = 0; unit < hidden_size; unit += 4) {
        w = rnne_start(w, 16, a);
        w = rnne_rows_16(w, x, num_x, a);
        w = rnne_rows_16(w, h, num_h, a);
        for (j = 0; j < GATE; j++, c += RNNE_LANES, out += RNNE_LANES) {
            const rnne_vf input = rnne_sigmoid(a[j]), forget = rnne_sigmoid(a[GATE + j]);
            const rnne_vf change = input * rnne_tanh(a[2 * GATE + j]);
            const rnne_vf cell = rnne_flush_all(forget * rnne_load(c) + change);
            const rnne_vf output = rnne_sigmoid(a[3 * GATE + j]);
            rnne_store(c, cell);
            rnne_store(out, rnne_flush_all(output * rnne_tanh(cell)));
        }
    }
}

/*
 * PyTorch nn.GRU, r after the recurrent product: per block the bias and the rows of x, 12
 * weights of r, u and n_in each, then those of h with n_rec for n_in; before these its bias.
 */
RNNE_FUNCTION void rnne_f32_gru(const float *w, const float *x, size_t num_x, const float *h,
                                size_t hidden_size, float *out)
{
    enum { GATE = 4 / RNNE_LANES };
    rnne_vf a[12 / RNNE_LANES], n_in[GATE];
    size_t unit, j;
    for (unit = 0; unit < hidden_size; unit += 4) {
        w = rnne_start(w, 12, a);
        w = rnne_rows_12(w, x, num_x, a);
        for (j = 0; j < GATE; j++)
            n_in[j] = a[2 * GATE + j];
        w = rnne_start(w, 4, a + 2 * GATE);
        w = rnne_rows_12(w, h, hidden_size, a);
        for (j = 0; j < GATE; j++) {
            const size_t i = unit + j * RNNE_LANES;
            const rnne_vf r = rnne_sigmoid(a[j]), u = rnne_sigmoid(a[GATE + j]);
            const rnne_vf n = rnne_tanh(n_in[j] + r * a[2 * GATE + j]);
            const rnne_vf kept = u * rnne_load(h + i);
            rnne_store(out + i, rnne_flush_all((rnne_splat(1.0f) - u) * n + kept));
        }
    }
}
