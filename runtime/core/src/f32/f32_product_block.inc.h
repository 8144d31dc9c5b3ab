/* SPDX-License-Identifier: MIT */
/*
 * Products for a block of streams: RNNE_BLOCK of them along the lanes, the weights broadcast.
 * Accumulators are named as in f32_product.inc.h.
 * Parameters: those of f32_vec.h; two vectors of lanes divide RNNE_BLOCK.
 */

#include "../base/each.h"

#if RNNE_LANES == 16
#define BLOCK_ROWS 8
#define EACH_BLOCK_ROW(M) EACH_8(M)
#else
#define BLOCK_ROWS 4
#define EACH_BLOCK_ROW(M) EACH_4(M)
#endif

#define LANE_START(r)                                                                             \
    vf a##r = vec_splat(bias[r]);                                                                 \
    vf b##r = a##r;
#define LANE_TERM(r)                                                                              \
    a##r = a##r + vec_times(x0, w + (r));                                                         \
    b##r = b##r + vec_times(x1, w + (r));
#define LANE_RESULT(r)                                                                            \
    vec_store(out + (r)*RNNE_BLOCK, a##r);                                                        \
    vec_store(out + (r)*RNNE_BLOCK + RNNE_LANES, b##r);

/* BLOCK_ROWS rows of two vectors of streams. */
static void block_rows(const float *w, size_t width, const float *bias, const float *x,
                       size_t num_x, const float *h, size_t num_h, float *out)
{
    EACH_BLOCK_ROW(LANE_START)
    for (size_t k = 0; k < num_x; k++, w += width) {
        const vf x0 = vec_load(x + k * RNNE_BLOCK), x1 = vec_load(x + k * RNNE_BLOCK + RNNE_LANES);
        EACH_BLOCK_ROW(LANE_TERM)
    }
    for (size_t k = 0; k < num_h; k++, w += width) {
        const vf x0 = vec_load(h + k * RNNE_BLOCK), x1 = vec_load(h + k * RNNE_BLOCK + RNNE_LANES);
        EACH_BLOCK_ROW(LANE_TERM)
    }
    EACH_BLOCK_ROW(LANE_RESULT)
}

static void product_block(const rnne_matrix *matrix, const rnne_operands *operands, float *out)
{
    const float *panel = matrix->weights;
    for (size_t r = 0; r < matrix->rows; r += RNNE_PANEL) {
        const size_t left = matrix->rows - r;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        const float *w = panel + operands->first * width;
        for (size_t i = 0; i < width; i += BLOCK_ROWS)
            for (size_t lane = 0; lane < RNNE_BLOCK; lane += 2 * RNNE_LANES)
                block_rows(w + i, width, matrix->bias + r + i, operands->x + lane, operands->num_x,
                           operands->h + lane, operands->num_h, out + (r + i) * RNNE_BLOCK + lane);
        panel += matrix->cols * width;
    }
}
