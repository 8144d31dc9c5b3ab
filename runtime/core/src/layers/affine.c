/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"
#include "pack.h"

#include "../base/bytes.h"

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
    block->model->kernels->affine((int)layer->variant, layer->input_size, block->lanes, z,
                                  layer->shift, layer->scale, out);
    return out;
}

const rnne_kind rnne_kind_affine = {
    .max_variant = 1,
    .takes_raw = 1,
    .describe = describe,
    .pack = pack,
    .step = step,
};
