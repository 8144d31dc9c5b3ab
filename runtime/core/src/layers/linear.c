/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

#include <string.h>

#include "../w8a16/w8a16_graph.h"

/* Parts of its input that the same matrix is applied to, each by itself. */
static uint32_t positions_of(const rnne_layer *layer)
{
    return layer->hidden_size ? layer->hidden_size : 1;
}

static int describe(rnne_layer *layer)
{
    const uint32_t positions = positions_of(layer);
    const uint32_t in = layer->input_size / positions, out = layer->output_size / positions;
    layer->num_floats = out * ((uint64_t)in + 1);
    layer->num_sums = rnne_padded(layer->output_size);
    layer->gate_floats = positions > 1 ? rnne_padded(out) : 0;
    if (positions == 1)
        return layer->hidden_size == 0;
    return layer->is_graph && in * positions == layer->input_size &&
           out * positions == layer->output_size;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const uint64_t in = layer->input_size / positions_of(layer);
    const uint64_t out = layer->output_size / positions_of(layer);
    const rnne_tensor_at w = {weights, in, 0}, none = {NULL, 0, 0};
    layer->matrix[0] = rnne_pack_matrix(arena, out, w, none, weights + out * in * 4, NULL);
}

static void step_positions(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t in = layer->input_size / layer->hidden_size;
    const size_t n = layer->output_size / layer->hidden_size * block->lanes;
    for (size_t p = 0; p < layer->hidden_size; p++, z += in * block->lanes, out += n) {
        rnne_block_product(block, &layer->matrix[0], z, in, z, 0, block->gates);
        block->model->kernels->activate(RNNE_IDENTITY, n, block->gates, block->gates);
        memcpy(out, block->gates, n * sizeof *out);
    }
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    if (layer->hidden_size) {
        step_positions(block, layer, z, out);
        return out;
    }
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

static void step_positions_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const size_t in = layer->input_size / layer->hidden_size;
    const size_t n = layer->output_size / layer->hidden_size;
    for (size_t j = 0; j < span->n; j++)
        rnne_q_port(layer->input_size, layer->q.gain, layer->q.places, rows->z[j],
                    rnne_q_row(rows, span->from, j));
    for (size_t p = 0; p < layer->hidden_size; p++) {
        for (size_t j = 0; j < span->n; j++)
            rows->operands[j] = rnne_q_row(rows, span->from, j) + p * in;
        rnne_rows_product(rows, &layer->q.matrix[0], span, rows->operands, 1, 0);
        for (size_t j = 0; j < span->n; j++) {
            const int32_t *const sums = rnne_sum_row(rows, 0, j);
            int16_t *const out = rnne_q_row(rows, span->to, j) + p * n;
            for (size_t i = 0; i < n; i++)
                out[i] = (int16_t)rnne_saturated(sums[i]);
            rows->z[j] = rnne_q_row(rows, span->to, j);
        }
    }
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    if (layer->hidden_size) {
        step_positions_q(rows, layer, span);
        return;
    }
    rnne_rows_product(rows, &layer->q.matrix[0], span, rows->z, 1, 0);
    rnne_rows_activate(rows, RNNE_IDENTITY, layer->output_size, span);
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    const uint64_t rows = layer->output_size / positions_of(layer);
    rnne_q_matrix *const matrix = &layer->q.matrix[0];
    rnne_take_weights(t, matrix, rows, layer->input_size / positions_of(layer));
    rnne_take_multipliers(t, matrix, rows);
    rnne_take_start(t, matrix, rows, rows);
    if (layer->hidden_size)
        rnne_take_port(layer, t, layer->input_size);
}

const rnne_kind rnne_kind_linear = {
    .num_inputs = 1,
    .describe = describe, .pack = pack, .step = step,
    .tensors_q = tensors_q, .step_q = step_q, .tensors_g = tensors_g,
};
