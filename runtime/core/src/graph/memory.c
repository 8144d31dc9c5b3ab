/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"

static int describe(rnne_layer *layer)
{
    layer->h_size = layer->output_size;
    layer->has_next = 1;
    return layer->hidden_size == 0;
}

/* The first one, its next layer, is checked once all layers are known. */
static int check_words(rnne_layer *layer)
{
    if (layer->num_words == 0)
        return 0;
    layer->num_start = layer->num_words - 1;
    return layer->num_start == 0 || layer->num_start == layer->output_size;
}

/* The state as it was when the step began: the engine replaces it when the step has ended. */
static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes;
    (void)z;
    memcpy(out, block->state + layer->h_at * lanes, layer->output_size * lanes * sizeof *out);
    return out;
}

const rnne_kind rnne_kind_memory = {
    .is_graph = 1, .reading = RNNE_READS_NONE, .letter = 'm',
    .describe = describe, .check_words = check_words, .step = step,
};
