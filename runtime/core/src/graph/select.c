/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"

static int describe(rnne_layer *layer)
{
    return layer->hidden_size == 0;
}

static int check_words(rnne_layer *layer)
{
    for (uint32_t i = 0; i < layer->num_words; i++)
        if (rnne_word(layer, i) >= layer->input_size)
            return 0;
    return layer->num_words == layer->output_size;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes;
    for (size_t i = 0; lanes == 1 && i < layer->output_size; i++)
        out[i] = z[layer->words[i]];
    for (size_t i = 0; lanes > 1 && i < layer->output_size; i++)
        memcpy(out + i * lanes, z + layer->words[i] * lanes, lanes * sizeof *out);
    return out;
}

const rnne_kind rnne_kind_select = {
    .is_graph = 1,
    .describe = describe,
    .check_words = check_words,
    .step = step,
};
