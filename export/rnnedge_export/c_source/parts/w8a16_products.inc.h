/* ---- products: panels of 4 rows, in each a group of 4 columns after the other ---- */

/* The sums of 4 rows over groups of 4 columns; the result is where the weights go on. */
#ifdef RNNE_Q_DSP
#define RNNE_ROW(a, w)                                                                         \
    "sxtb16 %[t], " w "\n\tsmlad %[" a "], %[t], %Q[z4], %[" a "]\n\t"                           \
    "sxtb16 %[t], " w ", ror #8\n\tsmlad %[" a "], %[t], %R[z4], %[" a "]\n\t"
RNNE_FUNCTION const int8_t *rnne_q_sums(const int8_t *w, const int16_t *z, size_t groups,
                                        int32_t *sums)
{
    int32_t a0 = 0, a1 = 0, a2 = 0, a3 = 0, t;
    uint64_t z4, w8;
    __asm__ volatile("1:\tldrd %Q[z4], %R[z4], [%[z]], #8\n\t"
                     "ldrd %Q[w8], %R[w8], [%[w]], #8\n\t"
                     RNNE_ROW("a0", "%Q[w8]") RNNE_ROW("a1", "%R[w8]")
                     "ldrd %Q[w8], %R[w8], [%[w]], #8\n\t"
                     RNNE_ROW("a2", "%Q[w8]") RNNE_ROW("a3", "%R[w8]")
                     "subs %[n], %[n], #1\n\tbne 1b"
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [t] "=&r"(t),
                       [z4] "=&r"(z4), [w8] "=&r"(w8), [w] "+r"(w), [z] "+r"(z), [n] "+r"(groups)
                     :
                     : "cc", "memory");
    sums[0] = a0;
    sums[1] = a1;
    sums[2] = a2;
    sums[3] = a3;
    return w;
}
#else
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
#endif

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
        out[i] = rnne_q_scaled_onto(rnne_q_scaled_onto(rows[8 + i], from_x[i], rows[i]), from_h[i],
                                    rows[4 + i]);
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
            out[i] = (int16_t)rnne_q_sat(rnne_q_scaled_onto(rows[4 + i], sums[i], rows[i]));
    }
}
