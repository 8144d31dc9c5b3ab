/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"
#include "kinds.h"

#include "../w8a16/w8a16_graph.h"

enum { LARGEST_GAIN = 1 << 28, TABLE_SIZE = 257 };

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

/* leaky_relu, elu: one parameter; softplus, hardtanh: two. */
static uint32_t num_parameters(uint32_t variant)
{
    return variant == 3 || variant == 4 ? 1 : variant == 10 || variant == 11 ? 2 : 0;
}

static int check_words(rnne_layer *layer)
{
    for (uint32_t i = 0; i < layer->num_words; i++)
        if (!rnne_is_finite(rnne_float_word(layer, i)))
            return 0;
    return layer->num_words == num_parameters(layer->variant);
}

static float parameter(const rnne_layer *layer, uint32_t i)
{
    return i < layer->num_words ? rnne_float_from_bits(layer->words[i]) : 0.0f;
}

static int is_by_table(const rnne_layer *layer)
{
    return layer->variant > RNNE_SIGMOID &&
           (layer->variant < RNNE_FORMULA_LOG || layer->variant > RNNE_FORMULA_RECIPROCAL) &&
           layer->variant != RNNE_FORMULA_STEP && layer->variant != RNNE_FORMULA_FLOOR;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const rnne_kernels *const kernels = block->model->kernels;
    const size_t n = layer->input_size * block->lanes;
    if (layer->variant <= RNNE_SIGMOID)
        kernels->activate((rnne_function)layer->variant, n, z, out);
    else
        kernels->elementwise(layer->variant, parameter(layer, 0), parameter(layer, 1), n, z, out);
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

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    rnne_take_port(layer, t, layer->input_size);
    if (layer->variant == RNNE_FORMULA_LOG)
        layer->q.bias = rnne_take_bias(t, layer->input_size);
    if (!is_by_table(layer))
        return;
    layer->q.bias = rnne_take_bias(t, 1);
    layer->q.values = rnne_take_shorts(t, TABLE_SIZE);
}

/* tanh, relu and sigmoid of what the gains make of z */
static void step_first(const rnne_rows *rows, const rnne_layer *layer, size_t j, const int16_t *z,
                       int16_t *out)
{
    int32_t *const v = rnne_sum_row(rows, 0, j);
    for (size_t i = 0; i < layer->input_size; i++)
        v[i] =
            rnne_q_sat_long(rnne_q_shift_long((int64_t)z[i] * layer->q.gain[i], layer->q.places));
    rows->block.model->q_kernels->activate((rnne_function)layer->variant, layer->input_size, v,
                                           out);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const rnne_q_layer *const q = &layer->q;
    const int16_t *const z = rnne_rows_read(rows, layer, 0, j);
    const size_t n = layer->input_size;
    switch (layer->variant) {
    case RNNE_TANH:
    case RNNE_RELU:
    case RNNE_SIGMOID: step_first(rows, layer, j, z, out); break;
    case RNNE_FORMULA_LOG: rnne_q_log(n, q->gain, q->places, q->bias, z, out); break;
    case RNNE_FORMULA_SQRT: rnne_q_sqrt(n, q->gain, q->places, z, out); break;
    case RNNE_FORMULA_RSQRT: rnne_q_rsqrt(n, q->gain, q->places, z, out); break;
    case RNNE_FORMULA_RECIPROCAL: rnne_q_reciprocal(n, q->gain, q->places, z, out); break;
    case RNNE_FORMULA_STEP: rnne_q_step(n, q->gain, q->places, z, out); break;
    case RNNE_FORMULA_FLOOR: rnne_q_floor(n, q->gain, q->places, z, out); break;
    default: rnne_q_table(n, q->gain, q->places, *q->bias, q->values, z, out);
    }
}

const rnne_kind rnne_kind_activation = {
    .max_variant = 2,
    .graph_variant = RNNE_NUM_FORMULAS - 1,
    .describe = describe,
    .check_words = check_words,
    .step = step,
    .tensors_q = tensors_q,
    .step_q = step_q,
    .tensors_g = tensors_g,
    .step_g = step_g,
};
