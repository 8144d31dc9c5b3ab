/* ---- products: panels of 4 rows, in each a group of 4 columns after the other ---- */

/* The sums of 4 rows over groups of 4 columns; the result is where the weights go on. */
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0;
    for (; groups; groups--, w += 16, z += 4) {
        const int32_t z0 = z[0], z1 = z[1], z2 = z[2], z3 = z[3];
        a0 += w[0] * z0 + w[1] * z2 + w[2] * z1 + w[3] * z3;
        a1 += w[4] * z0 + w[5] * z2 + w[6] * z1 + w[7] * z3;
        a2 += w[8] * z0 + w[9] * z2 + w[10] * z1 + w[11] * z3;
        a3 += w[12] * z0 + w[13] * z2 + w[14] * z1 + w[15] * z3;
    }
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return w;
}

/* Scaled products with x and h, and the bias; rows: 4 multipliers of each, 4 biases. */
RNNE_FUNCTION const int8_t *rnne_q_arguments(const int8_t *w, const int32_t *rows,
                                             const int16_t *x, size_t x_groups,
                                             const int16_t *h, size_t h_groups, int32_t *out)
{
    int32_t from_x[4], from_h[4];
    int i;
    w = rnne_q_sums(w, x, x_groups, from_x);
    w = rnne_q_sums(w, h, h_groups, from_h);
    for (i = 0; i < 4; i++)
        out[i] = rnne_q_scaled(from_x[i], rows[i]) + rnne_q_scaled(from_h[i], rows[4 + i]) +
                 rows[8 + i];
    return w;
}

/* out = W z + bias; rows: 4 multipliers and 4 biases a panel. Whole panels are written. */
RNNE_FUNCTION void rnne_q_linear(const int8_t *w, const int32_t *rows, size_t panels,
                                 const int16_t *z, size_t groups, int16_t *out)
{
    for (; panels; panels--, rows += 8, out += 4) {
        int32_t sums[4];
        int i;
        w = rnne_q_sums(w, z, groups, sums);
        for (i = 0; i < 4; i++)
            out[i] = (int16_t)rnne_q_sat(rnne_q_scaled(sums[i], rows[i]) + rows[4 + i]);
    }
}
