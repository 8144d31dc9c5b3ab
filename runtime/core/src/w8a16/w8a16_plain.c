/* SPDX-License-Identifier: MIT */
/* The kernels of `w8a16.v1`, plain C, one value at a time: always built. */
#include "w8a16_kernels.h"
#include "w8a16_arithmetic.h"

/* Sums of `width` rows of a panel, as they stand in memory. */
static void panel_sums(const int8_t *w, size_t width, size_t cols, const int16_t *x, int32_t *sums)
{
    for (size_t r = 0; r < width; r++)
        sums[r] = 0;
    for (size_t k = 0; k < cols; k += RNNE_QUAD, x += RNNE_QUAD)
        for (size_t r = 0; r < width; r++, w += RNNE_QUAD)
            sums[r] += w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
}

void rnne_q_product(const rnne_q_matrix *matrix, const rnne_q_operands *operands)
{
    int32_t sums[RNNE_PANEL];
    const int8_t *panel = matrix->weights;
    for (size_t first = 0; first < matrix->rows; first += RNNE_PANEL) {
        const size_t left = matrix->rows - first;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        for (size_t j = 0; j < operands->n; j++) {
            const int32_t *const start = operands->start + j * operands->start_stride + first;
            int32_t *const out = operands->out + j * operands->out_stride + first;
            panel_sums(panel, width, matrix->cols, operands->x[j], sums);
            for (size_t r = 0; r < width; r++)
                out[r] = start[r] + rnne_scaled(sums[r], matrix->multiplier[first + r]);
        }
        panel += matrix->cols * width;
    }
}

void rnne_q_activate(rnne_function function, size_t n, const int32_t *v, int16_t *out)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t u = rnne_saturated(v[i]);
        int32_t value = u;
        if (function == RNNE_TANH)
            value = rnne_tanh_q(u);
        else if (function == RNNE_RELU)
            value = u < 0 ? 0 : u;
        else if (function == RNNE_SIGMOID)
            value = rnne_saturated((rnne_gate_q(u) + 1) >> 1);
        out[i] = (int16_t)value;
    }
}

void rnne_q_lstm(size_t n, int cell_bits, const int32_t *gates, int32_t *c, int16_t *m)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t input = rnne_gate_q(rnne_saturated(gates[i]));
        const int32_t forget = rnne_gate_q(rnne_saturated(gates[n + i]));
        const int32_t new = rnne_tanh_q(rnne_saturated(gates[2 * n + i]));
        const int32_t output = rnne_gate_q(rnne_saturated(gates[3 * n + i]));
        const int32_t kept = (int32_t)rnne_shifted_wide((int64_t)forget * c[i], 16);
        const int32_t cell =
            rnne_limited(kept + rnne_shifted(input * new, 31 - cell_bits), RNNE_LARGEST_STATE);
        const int32_t u = rnne_shifted(cell, cell_bits - RNNE_ARGUMENT_BITS);
        c[i] = cell;
        m[i] = (int16_t)rnne_shifted(output * rnne_tanh_q(rnne_saturated(u)), 16);
    }
}

void rnne_q_gru(size_t n, const int32_t *in, const int32_t *rec, int32_t *h)
{
    for (size_t i = 0; i < n; i++) {
        const int32_t r = rnne_gate_q(rnne_saturated(in[i] + rec[i]));
        const int32_t z = rnne_gate_q(rnne_saturated(in[n + i] + rec[n + i]));
        const int64_t reset = rnne_shifted_wide((int64_t)r * rec[2 * n + i], 16);
        const int32_t u = rnne_saturated(in[2 * n + i] + (int32_t)reset);
        const int32_t new = rnne_tanh_q(u) * (1 << (RNNE_GRU_BITS - RNNE_STATE_BITS));
        h[i] = new + (int32_t)rnne_shifted_wide((int64_t)z * (h[i] - new), 16);
    }
}

void rnne_q_narrow(size_t n, const int32_t *h, int16_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = (int16_t)rnne_saturated(rnne_shifted(h[i], RNNE_GRU_BITS - RNNE_STATE_BITS));
}

const rnne_q_kernels rnne_q_kernels_plain = {
    rnne_q_product, rnne_q_activate, rnne_q_lstm,     rnne_q_gru,
    rnne_q_narrow,  rnne_q_accept,   rnne_q_to_float,
};
