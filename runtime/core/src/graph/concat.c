/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    float *to = out;
    (void)z;
    for (size_t i = 0; i < layer->num_reads; i++) {
        const size_t n = rnne_block_size(block, layer, i) * block->lanes;
        memcpy(to, rnne_block_read(block, layer, i), n * sizeof *to);
        to += n;
    }
    return out;
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    for (size_t i = 0; i < layer->num_reads; i++) {
        const size_t n = rnne_block_size(&rows->block, layer, i);
        memcpy(out, rnne_rows_read(rows, layer, i, j), n * sizeof *out);
        out += n;
    }
}

const rnne_kind rnne_kind_concat = {
    .is_graph = 1, .reading = RNNE_READS_MANY, .spread = RNNE_FLOAT_WITH_READS,
    .describe = describe, .step = step,
    .step_g = step_g,
};
