/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../layers/pack.h"

static int describe(rnne_layer *layer)
{
    layer->num_floats = layer->output_size;
    return layer->hidden_size == 0;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    layer->table = rnne_pack_floats(arena, weights, layer->output_size);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes;
    (void)z;
    for (size_t i = 0; i < layer->output_size; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = layer->table[i];
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    layer->q.values = rnne_take_shorts(t, layer->output_size);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    (void)rows;
    (void)j;
    memcpy(out, layer->q.values, layer->output_size * sizeof *out);
}

const rnne_kind rnne_kind_constant = {
    .is_graph = 1, .reading = RNNE_READS_NONE,
    .describe = describe, .pack = pack, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
