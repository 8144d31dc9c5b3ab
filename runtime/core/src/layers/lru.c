/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

enum { BLOCKS = 3 };

static int describe(rnne_layer *layer)
{
    const uint64_t in = layer->input_size, hidden = layer->hidden_size;
    layer->h_size = layer->hidden_size;
    layer->num_floats = BLOCKS * hidden * (in + 1);
    /* Vectors of the last block read beyond it. */
    layer->num_sums = rnne_padded(BLOCKS * (size_t)hidden) + RNNE_PANEL_STEP;
    layer->gate_floats = layer->num_sums;
    return layer->output_size == layer->hidden_size;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const uint64_t in = layer->input_size, rows = BLOCKS * (uint64_t)layer->hidden_size;
    const rnne_tensor_at w = {weights, in, 0}, none = {NULL, 0, 0};
    layer->matrix[0] = rnne_pack_matrix(arena, rows, w, none, weights + rows * in * 4, NULL);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const rnne_lru_values values = {
        .n = layer->hidden_size * block->lanes,
        .lanes = block->lanes,
        .gates = rnne_block_sums(block, layer, 0, z, z, 0, block->gates),
        .step = layer->variant ? rnne_block_read(block, layer, 1) : NULL,
        .h = block->state + layer->h_at * block->lanes,
        .y = out,
    };
    block->kernels->lru(&values);
    return out;
}

const rnne_kind rnne_kind_lru = {
    .is_graph = 1,
    .max_variant = 1,
    .reading = RNNE_READS_STEP,
    .num_inputs = 1,
    .describe = describe,
    .check_words = rnne_words_are_start,
    .pack = pack,
    .step = step,
};
