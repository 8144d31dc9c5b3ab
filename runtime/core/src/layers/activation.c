/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"
#include "kinds.h"

#include "../w8a16/w8a16_arithmetic.h"

enum { LARGEST_GAIN = 1 << 28 };

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    block->model->kernels->activate((rnne_function)layer->variant,
                                    layer->input_size * block->lanes, z, out);
    return out;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    layer->q.gain = rnne_take_words(t, 1, -LARGEST_GAIN, LARGEST_GAIN);
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const int64_t gain = layer->q.gain[0];
    for (size_t j = 0; j < span->n; j++) {
        int32_t *const v = rnne_sum_row(rows, 0, j);
        for (size_t i = 0; i < layer->input_size; i++)
            v[i] = (int32_t)rnne_shifted_wide(rows->z[j][i] * gain, 15);
    }
    rnne_rows_activate(rows, (rnne_function)layer->variant, layer->input_size, span);
}

const rnne_kind rnne_kind_activation = {2,    0,    0,         describe, NULL,
                                        NULL, step, tensors_q, step_q,   NULL};
