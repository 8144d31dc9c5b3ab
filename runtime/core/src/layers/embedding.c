/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"
#include "pack.h"

#include "../w8a16/w8a16_arithmetic.h"

enum { LARGEST_MULTIPLIER = (1 << 23) - 1 };

static int describe(rnne_layer *layer)
{
    layer->num_floats = (uint64_t)layer->hidden_size * layer->output_size;
    return layer->input_size == 1 && layer->hidden_size >= 1;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    layer->table = rnne_pack_floats(arena, weights, layer->num_floats);
}

/* Row of the table for each lane; out of range and NaN give row 0. */
static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, size = layer->output_size;
    for (size_t l = 0; l < lanes; l++) {
        const float id = z[l];
        const int is_known = id >= 0.0f && id < (float)layer->hidden_size;
        const size_t row = is_known ? (size_t)id : 0;
        block->num_unknown_tokens += !is_known;
        for (size_t i = 0; i < size; i++)
            out[i * lanes + l] = layer->table[row * size + i];
    }
    return out;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    const uint32_t rows = layer->hidden_size;
    layer->q.table = rnne_take_table(t, rows, layer->output_size);
    layer->q.multiplier = rnne_take_words(t, rows, 0, LARGEST_MULTIPLIER);
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const size_t size = layer->output_size;
    for (size_t j = 0; j < span->n; j++) {
        const size_t token = (size_t)*rnne_input_row(rows, j);
        const int8_t *const weights = layer->q.table + token * size;
        const int32_t multiplier = layer->q.multiplier[token];
        int16_t *const out = rnne_q_row(rows, span->to, j);
        for (size_t i = 0; i < size; i++)
            out[i] = (int16_t)rnne_saturated(rnne_shifted(weights[i] * multiplier, 15));
        rows->z[j] = out;
    }
}

/* Its token is float. */
static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const rnne_model *const model = rows->block.model;
    const float *const z = layer->reads[0] < 0 ? rows->x + j * model->input_floats
                                               : rows->real[0] + j * model->value_floats +
                                                     rnne_read_at(rows, layer, 0);
    const int is_known = *z >= 0.0f && *z < (float)layer->hidden_size;
    const size_t row = is_known ? (size_t)*z : 0, size = layer->output_size;
    rows->block.num_unknown_tokens += !is_known;
    for (size_t i = 0; i < size; i++)
        out[i] = (int16_t)rnne_saturated(
            rnne_shifted(layer->q.table[row * size + i] * layer->q.multiplier[row], 15));
}

const rnne_kind rnne_kind_embedding = {
    .takes_raw = 1, .takes_token = 1,
    .describe = describe, .pack = pack, .step = step,
    .tensors_q = tensors_q, .step_q = step_q, .step_g = step_g,
};
