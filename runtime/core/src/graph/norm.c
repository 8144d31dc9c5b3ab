/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"

static int describe(rnne_layer *layer)
{
    layer->gate_floats = 2 * RNNE_CHAINS;
    return layer->output_size == layer->input_size && layer->hidden_size >= 1 &&
           layer->input_size % layer->hidden_size == 0;
}

static int check_words(rnne_layer *layer)
{
    if (layer->num_words != 1)
        return 0;
    const float eps = rnne_float_word(layer, 0);
    return eps >= 1e-12f && eps <= 1.0f;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t n = layer->input_size / layer->hidden_size;
    const rnne_norm_values values = {block->lanes, (int)layer->variant,
                                     rnne_float_from_bits(layer->words[0]), block->gates};
    for (size_t i = 0; i < layer->input_size; i += n)
        block->model->kernels->norm(&values, n, z + i * block->lanes, out + i * block->lanes);
    return out;
}

const rnne_kind rnne_kind_norm = {
    .is_graph = 1,
    .max_variant = 1,
    .describe = describe,
    .check_words = check_words,
    .step = step,
};
