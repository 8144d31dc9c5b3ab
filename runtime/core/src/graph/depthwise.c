/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../layers/pack.h"
#include "../w8a16/w8a16_graph.h"

static int describe(rnne_layer *layer)
{
    const uint64_t taps = layer->hidden_size;
    layer->num_floats = (taps + 1) * layer->output_size;
    return taps >= 1 && taps * layer->output_size == layer->input_size;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    layer->scale = rnne_pack_floats(arena, weights, layer->input_size);
    layer->shift = rnne_pack_floats(arena, weights + 4 * (size_t)layer->input_size,
                                    layer->output_size);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, size = layer->output_size;
    for (size_t i = 0; i < size; i++)
        for (size_t l = 0; l < lanes; l++) {
            float v = layer->shift[i];
            for (size_t k = 0; k < layer->hidden_size; k++)
                v += z[(k * size + i) * lanes + l] * layer->scale[k * size + i];
            out[i * lanes + l] = rnne_flush(v);
        }
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    layer->q.table = rnne_take_columns(t, layer->hidden_size, layer->output_size);
    layer->q.multiplier = rnne_take_factors(t, layer->output_size);
    layer->q.bias = rnne_take_bias(t, layer->output_size);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    rnne_q_depthwise(layer->output_size, layer->hidden_size, layer->q.table, layer->q.multiplier,
                     layer->q.bias, rnne_rows_read(rows, layer, 0, j), out);
}

const rnne_kind rnne_kind_depthwise = {
    .is_graph = 1,
    .describe = describe, .pack = pack, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
