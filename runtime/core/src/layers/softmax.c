/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"

#include "../base/bytes.h"

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, size = layer->input_size;
    float largest[RNNE_BLOCK], total[RNNE_BLOCK];
    memcpy(largest, z, lanes * sizeof(float));
    for (size_t i = 1; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            largest[l] = z[i * lanes + l] > largest[l] ? z[i * lanes + l] : largest[l];
    for (size_t i = 0; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = z[i * lanes + l] - largest[l];
    block->model->kernels->activate(RNNE_EXP, size * lanes, out, out);
    memcpy(total, out, lanes * sizeof(float));
    for (size_t i = 1; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            total[l] += out[i * lanes + l];
    for (size_t i = 0; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = rnne_flush(out[i * lanes + l] / total[l]);
    return out;
}

const rnne_kind rnne_kind_softmax = {0, 0, 0, describe, NULL, NULL, step, NULL, NULL, NULL};
