/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

static int describe(rnne_layer *layer)
{
    layer->num_floats = layer->output_size * ((uint64_t)layer->input_size + 1);
    layer->num_sums = rnne_padded(layer->output_size);
    return layer->hidden_size == 0;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    const rnne_tensor_at w = {weights, in, 0}, none = {NULL, 0, 0};
    layer->matrix[0] = rnne_pack_matrix(arena, out, w, none, weights + out * in * 4, NULL);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const float *const sums = rnne_block_sums(block, layer, 0, z, z, 0, out);
    block->model->kernels->activate(RNNE_IDENTITY, layer->output_size * block->lanes, sums, out);
    return out;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    rnne_q_matrix *const matrix = &layer->q.matrix[0];
    rnne_take_weights(t, matrix, layer->output_size, layer->input_size);
    rnne_take_multipliers(t, matrix, layer->output_size);
    rnne_take_start(t, matrix, layer->output_size, layer->output_size);
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    rnne_rows_product(rows, &layer->q.matrix[0], span, rows->z, 1, 0);
    rnne_rows_activate(rows, RNNE_IDENTITY, layer->output_size, span);
}

const rnne_kind rnne_kind_linear = {0, 1, 0, describe, pack, NULL, step, tensors_q, step_q, NULL};
