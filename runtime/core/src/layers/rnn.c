/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

#include "../w8a16/w8a16_arithmetic.h"

static rnne_function function_of(const rnne_layer *layer)
{
    return layer->variant ? RNNE_RELU : RNNE_TANH;
}

static int describe(rnne_layer *layer)
{
    rnne_describe_cell(layer, 1, 1, 0);
    return layer->output_size == layer->hidden_size;
}

/* matrix 0: [W_ih W_hh] */
static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const rnne_cell_tensors w = rnne_cell_tensors_of(layer, weights);
    layer->matrix[0] = rnne_pack_matrix(arena, w.rows, w.ih, w.hh, w.b_ih, w.b_hh);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    float *const h = block->state + layer->h_at * block->lanes;
    (void)out;
    rnne_block_sums(block, layer, 0, z, h, layer->output_size, block->gates);
    block->kernels->activate(function_of(layer), layer->hidden_size * block->lanes, block->gates,
                             h);
    return h;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    rnne_cell_tensors_q(layer, t, 0);
    layer->q.hidden_bits =
        rnne_take_bits(t, layer->variant ? 0 : RNNE_STATE_BITS, RNNE_STATE_BITS);
}

static void update(const rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    rnne_rows_recur(rows, layer, span);
    for (size_t j = span->first; j < span->first + span->n; j++)
        rows->block.model->q_kernels->activate(function_of(layer), layer->hidden_size,
                                               rnne_sum_row(rows, 1, j),
                                               rnne_h_of(rows, layer, j));
}

const rnne_kind rnne_kind_rnn = {
    .max_variant = 1,
    .num_inputs = 1,
    .holds_output = 1,
    .describe = describe,
    .check_words = rnne_words_are_start,
    .pack = pack,
    .step = step,
    .tensors_q = tensors_q,
    .step_q = rnne_rows_cell,
    .update_q = update,
};
