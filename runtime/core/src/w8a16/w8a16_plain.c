/* SPDX-License-Identifier: MIT */
/* The kernels of `w8a16.v1`, plain C, one value at a time: always built. */
#include "w8a16_kernels.h"

#include "w8a16_vec_plain.h"

#include "w8a16_functions.inc.h"

/* Sums of `width` rows of a panel, as they stand in memory. */
static void panel_sums(const int8_t *w, size_t width, size_t cols, const int16_t *x, int32_t *sums)
{
    for (size_t r = 0; r < width; r++)
        sums[r] = 0;
    for (size_t k = 0; k < cols; k += RNNE_QUAD, x += RNNE_QUAD)
        for (size_t r = 0; r < width; r++, w += RNNE_QUAD)
            sums[r] += w[0] * x[0] + w[1] * x[1] + w[2] * x[2] + w[3] * x[3];
}

static void product(const rnne_q_matrix *matrix, const rnne_q_operands *operands)
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

const rnne_q_kernels rnne_q_kernels_plain = RNNE_Q_TABLE(rnne_q_accept, rnne_q_to_float);
