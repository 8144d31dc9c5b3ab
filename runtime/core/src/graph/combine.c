/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    block->model->kernels->combine(layer->variant, layer->output_size * block->lanes, z,
                                   rnne_block_read(block, layer, 1), out);
    return out;
}

const rnne_kind rnne_kind_combine = {
    .is_graph = 1,
    .max_variant = 5,
    .reading = RNNE_READS_PAIR,
    .describe = describe,
    .step = step,
};
