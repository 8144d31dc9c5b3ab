/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../layers/pack.h"

static int describe(rnne_layer *layer)
{
    const uint64_t taps = layer->hidden_size;
    layer->num_floats = (taps + 1) * layer->output_size;
    return taps >= 1 && taps * layer->output_size == layer->input_size;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    layer->scale = rnne_pack_floats(arena, weights, layer->input_size);
    layer->shift =
        rnne_pack_floats(arena, weights + 4 * (size_t)layer->input_size, layer->output_size);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    block->model->kernels->depthwise(layer->hidden_size, layer->output_size, block->lanes, z,
                                     layer->shift, layer->scale, out);
    return out;
}

const rnne_kind rnne_kind_depthwise = {
    .is_graph = 1,
    .describe = describe,
    .pack = pack,
    .step = step,
};
