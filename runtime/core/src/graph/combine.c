/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

#define EACH_OF(value)                                                                            \
    for (size_t i = 0; i < n; i++) {                                                              \
        const float x = a[i], y = b[i];                                                           \
        out[i] = rnne_flush(value);                                                               \
    }                                                                                             \
    break

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t n = layer->output_size * block->lanes;
    const float *const a = z, *const b = rnne_block_read(block, layer, 1);
    switch (layer->variant) {
    case RNNE_COMBINE_ADD: EACH_OF(x + y);
    case RNNE_COMBINE_SUBTRACT: EACH_OF(x - y);
    case RNNE_COMBINE_MULTIPLY: EACH_OF(x * y);
    case RNNE_COMBINE_DIVIDE: EACH_OF(x / y);
    case RNNE_COMBINE_MINIMUM: EACH_OF(y < x ? y : x);
    default: EACH_OF(x < y ? y : x);
    }
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    const int is_one_gain =
        layer->variant == RNNE_COMBINE_MULTIPLY || layer->variant == RNNE_COMBINE_DIVIDE;
    layer->q.gain = rnne_take_gains(t, layer->output_size);
    if (!is_one_gain)
        layer->q.gain_1 = rnne_take_gains(t, layer->output_size);
    layer->q.places = rnne_take_places(t);
}

/* A product takes one factor wide, the first that is. */
static void step_wide(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const rnne_q_layer *const q = &layer->q;
    const int16_t *const a = rnne_rows_read(rows, layer, 0, j);
    const int16_t *const b = rnne_rows_read(rows, layer, 1, j);
    const int32_t *const wide_a = rnne_rows_read_wide(rows, layer, 0, j);
    const int32_t *const wide_b = rnne_rows_read_wide(rows, layer, 1, j);
    const size_t n = layer->output_size;
    int32_t *const wide = rnne_rows_wide(rows, layer, j);
    if (layer->variant != RNNE_COMBINE_MULTIPLY)
        rnne_q_add_wide(n, q->gain, q->gain_1, q->places, wide_a, a, wide_b, b, wide);
    else if (wide_a)
        rnne_q_multiply_wide(n, q->gain, q->places, wide_a, b, wide);
    else
        rnne_q_multiply_wide(n, q->gain, q->places, wide_b, a, wide);
    rnne_q_narrowed(n, wide, out);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const rnne_q_layer *const q = &layer->q;
    const int16_t *const a = rnne_rows_read(rows, layer, 0, j);
    const int16_t *const b = rnne_rows_read(rows, layer, 1, j);
    const size_t n = layer->output_size;
    if (layer->is_wide) {
        step_wide(rows, layer, j, out);
        return;
    }
    switch (layer->variant) {
    case RNNE_COMBINE_ADD:
    case RNNE_COMBINE_SUBTRACT:
        rnne_q_add(n, q->gain, q->gain_1, q->places, a, b, out);
        break;
    case RNNE_COMBINE_MULTIPLY: rnne_q_multiply(n, q->gain, q->places, a, b, out); break;
    case RNNE_COMBINE_DIVIDE: rnne_q_divide(n, q->gain, q->places, a, b, out); break;
    case RNNE_COMBINE_MINIMUM:
        rnne_q_minimum(n, q->gain, q->gain_1, q->places, a, b, out);
        break;
    default: rnne_q_maximum(n, q->gain, q->gain_1, q->places, a, b, out);
    }
}

const rnne_kind rnne_kind_combine = {
    .is_graph = 1, .max_variant = RNNE_COMBINE_MAXIMUM, .reading = RNNE_READS_PAIR,
    .describe = describe, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
