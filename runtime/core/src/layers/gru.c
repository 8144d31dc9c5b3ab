/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

#include "../w8a16/w8a16_arithmetic.h"

static int describe(rnne_layer *layer)
{
    rnne_describe_cell(layer, 3, 2, 2);
    layer->num_sums += rnne_padded(layer->hidden_size);
    layer->h_is_wide = 1;
    return layer->output_size == layer->hidden_size;
}

/* matrix 0: [W_ih W_hh] of r and u; 1: W_in; 2: W_hn */
static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const rnne_cell_tensors w = rnne_cell_tensors_of(layer, weights);
    const uint64_t n = layer->hidden_size;
    const rnne_tensor_at in = {w.ih.bytes, w.ih.cols, 2 * n}, rec = {w.hh.bytes, w.hh.cols, 2 * n};
    const rnne_tensor_at none = {NULL, 0, 0};
    layer->matrix[0] = rnne_pack_matrix(arena, 2 * n, w.ih, w.hh, w.b_ih, w.b_hh);
    layer->matrix[1] = rnne_pack_matrix(arena, n, in, none, w.b_ih + 8 * n, NULL);
    layer->matrix[2] = rnne_pack_matrix(arena, n, none, rec, w.b_hh + 8 * n, NULL);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t n = layer->hidden_size;
    float *const h = block->state + layer->h_at * block->lanes;
    float *const n_in = rnne_behind_gates(block, layer);
    float *const n_rec = n_in + layer->matrix[1].rows * block->lanes;
    (void)out;
    rnne_block_sums(block, layer, 0, z, h, n, block->gates);
    const float *const in = rnne_block_sums(block, layer, 1, z, h, 0, n_in);
    rnne_block_product(block, &layer->matrix[2], h, n, h, 0, n_rec);
    const rnne_cell_values values = {
        .n = n * block->lanes, .gates = block->gates, .in = in, .rec = n_rec, .h = h};
    block->kernels->cell[RNNE_CELL_gru](&values);
    return h;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    rnne_cell_tensors_q(layer, t, layer->hidden_size);
    layer->q.hidden_bits = RNNE_GRU_BITS;
}

static void update(const rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    for (size_t j = 0; j < span->n; j++) {
        int16_t *const h = rnne_q_row(rows, span->from, span->first + j);
        kernels->narrow(layer->hidden_size, rnne_h_of(rows, layer, span->first + j), h);
        rows->operands[j] = h;
    }
    rnne_rows_product(rows, &layer->q.matrix[1], span, rows->operands, 1, 1);
    for (size_t j = span->first; j < span->first + span->n; j++) {
        const rnne_q_cell_values values = {.n = layer->hidden_size,
                                           .in = rnne_sum_row(rows, 0, j),
                                           .sums = rnne_sum_row(rows, 1, j),
                                           .h = rnne_h_of(rows, layer, j)};
        kernels->cell[RNNE_CELL_gru](&values);
    }
}

const rnne_kind rnne_kind_gru = {
    .num_inputs = 2,
    .holds_output = 1,
    .describe = describe,
    .check_words = rnne_words_are_start,
    .pack = pack,
    .step = step,
    .tensors_q = tensors_q,
    .step_q = rnne_rows_cell,
    .update_q = update,
};
