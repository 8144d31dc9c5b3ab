/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"
#include "pack.h"

#include "../base/bytes.h"
#include "../w8a16/w8a16_graph.h"

static int describe(rnne_layer *layer)
{
    layer->num_floats = 2 * (uint64_t)layer->input_size;
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const size_t n = layer->input_size;
    layer->shift = rnne_pack_floats(arena, weights, n);
    layer->scale = rnne_pack_floats(arena, weights + 4 * n, n);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes;
    for (size_t i = 0; i < layer->input_size; i++) {
        const float shift = layer->shift[i], scale = layer->scale[i];
        const float *const from = z + i * lanes;
        float *const to = out + i * lanes;
        for (size_t l = 0; l < lanes; l++)
            to[l] =
                rnne_flush(layer->variant ? from[l] * scale + shift : (from[l] - shift) * scale);
    }
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    rnne_take_port(layer, t, layer->output_size);
    layer->q.bias = rnne_take_bias(t, layer->output_size);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const rnne_q_layer *const q = &layer->q;
    const int16_t *const z = rnne_rows_read(rows, layer, 0, j);
    const size_t n = layer->output_size;
    if (!layer->is_wide) {
        rnne_q_affine(n, q->gain, q->places, q->bias, z, out);
        return;
    }
    int32_t *const wide = rnne_rows_wide(rows, layer, j);
    rnne_q_affine_wide(n, q->gain, q->places, q->bias, rnne_rows_read_wide(rows, layer, 0, j), z,
                       wide);
    rnne_q_narrowed(n, wide, out);
}

const rnne_kind rnne_kind_affine = {
    .max_variant = 1, .takes_raw = 1, .spread = RNNE_FLOAT_WITH_NEIGHBOURS,
    .describe = describe, .pack = pack, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
