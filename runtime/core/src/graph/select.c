/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"

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
    for (size_t i = 0; i < layer->output_size; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = z[layer->words[i] * lanes + l];
    return out;
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    rnne_q_select(layer->output_size, layer->words, rnne_rows_read(rows, layer, 0, j), out);
}

const rnne_kind rnne_kind_select = {
    .is_graph = 1, .spread = RNNE_FLOAT_WITH_READS,
    .describe = describe, .check_words = check_words, .step = step,
    .step_g = step_g,
};
