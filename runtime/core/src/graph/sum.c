/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"
#include "total.h"

static int describe(rnne_layer *layer)
{
    layer->gate_floats = RNNE_TOTAL_FLOATS;
    return layer->input_size % layer->output_size == 0 && layer->hidden_size == 0;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, n = layer->input_size / layer->output_size;
    for (size_t i = 0; i < layer->output_size; i++)
        rnne_total(block, n, z + i * n * lanes, 0, out + i * lanes);
    for (size_t i = 0; i < layer->output_size * lanes; i++)
        out[i] = rnne_flush(out[i]);
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    rnne_take_port(layer, t, layer->input_size);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    rnne_q_total(layer->output_size, layer->input_size / layer->output_size, layer->q.gain,
                 layer->q.places, rnne_rows_read(rows, layer, 0, j), out);
}

const rnne_kind rnne_kind_sum = {
    .is_graph = 1,
    .describe = describe, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
