/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"
#include "pack.h"

#include "../w8a16/w8a16_arithmetic.h"

enum { LARGEST_GAIN = 65535, LARGEST_WIDE_GAIN = 1 << 28, LARGEST_MULTIPLE = 64 };

static int describe(rnne_layer *layer)
{
    layer->num_sources = layer->output_size;
    layer->takes_readings = layer->variant == 1;
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    (void)weights;
    rnne_pack_sources(layer, arena);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes;
    for (size_t i = 0; i < layer->output_size; i++) {
        const float *const x = block->x + layer->sources[i] * lanes;
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = rnne_flush(z[i * lanes + l] + x[l]);
    }
    return out;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    const int is_wide = rnne_is_wide(layer);
    const int32_t largest = is_wide ? LARGEST_WIDE_GAIN : LARGEST_GAIN;
    layer->q.gain = rnne_take_words(t, layer->output_size, -largest, largest);
    layer->q.source_gain = rnne_take_words(t, layer->output_size, is_wide ? 1 : -LARGEST_GAIN,
                                           is_wide ? LARGEST_MULTIPLE : LARGEST_GAIN);
    if (t->arena)
        rnne_pack_sources(layer, t->arena);
}

/* In whole units of the output, so that it is exact however far the reading is. */
static void add_readings(const rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    const int32_t *const gain = layer->q.gain, *const multiple = layer->q.source_gain;
    for (size_t j = 0; j < n; j++) {
        const int32_t *const inputs = rnne_input_row(rows, j);
        int32_t *const out = rows->wide + j * rows->block.model->value_floats;
        for (size_t i = 0; i < layer->output_size; i++)
            out[i] = inputs[layer->sources[i]] * multiple[i] +
                     (int32_t)rnne_shifted_wide((int64_t)rows->z[j][i] * gain[i], 15);
    }
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const int32_t *const gain = layer->q.gain, *const source_gain = layer->q.source_gain;
    const int64_t largest = RNNE_LARGEST_VALUE;
    if (rnne_is_wide(layer)) {
        add_readings(rows, layer, span->n);
        return;
    }
    for (size_t j = 0; j < span->n; j++) {
        const int32_t *const inputs = rnne_input_row(rows, j);
        int16_t *const out = rnne_q_row(rows, span->to, j);
        for (size_t i = 0; i < layer->output_size; i++) {
            const int64_t last = (int64_t)inputs[layer->sources[i]] * source_gain[i];
            const int64_t v =
                rnne_shifted(rows->z[j][i] * gain[i], 15) + rnne_shifted_wide(last, 15);
            out[i] = (int16_t)(v < -largest ? -largest : v > largest ? largest : v);
        }
        rows->z[j] = out;
    }
}

const rnne_kind rnne_kind_add_last = {
    .max_variant = 1,
    .describe = describe,
    .pack = pack,
    .step = step,
    .tensors_q = tensors_q,
    .step_q = step_q,
};
