/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"

#include "../base/bytes.h"
#include "../w8a16/w8a16_graph.h"

static uint32_t groups_of(const rnne_layer *layer)
{
    return layer->hidden_size ? layer->hidden_size : 1;
}

static int describe(rnne_layer *layer)
{
    layer->gate_floats = layer->variant ? rnne_padded(layer->input_size) : 0;
    return layer->output_size == layer->input_size && layer->input_size % groups_of(layer) == 0 &&
           (layer->is_graph ? layer->hidden_size != 1 : layer->hidden_size == 0);
}

/* out[n][lanes] = z less the largest of each lane. */
static void subtract_largest(size_t lanes, size_t n, const float *z, float *out)
{
    float largest[RNNE_BLOCK];
    memcpy(largest, z, lanes * sizeof(float));
    for (size_t i = 1; i < n; i++)
        for (size_t l = 0; l < lanes; l++)
            largest[l] = z[i * lanes + l] > largest[l] ? z[i * lanes + l] : largest[l];
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = z[i * lanes + l] - largest[l];
}

static void add_up(size_t lanes, size_t n, const float *powers, float *total)
{
    memcpy(total, powers, lanes * sizeof(float));
    for (size_t i = 1; i < n; i++)
        for (size_t l = 0; l < lanes; l++)
            total[l] += powers[i * lanes + l];
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const rnne_kernels *const kernels = block->model->kernels;
    const size_t lanes = block->lanes, size = layer->input_size, n = size / groups_of(layer);
    float *const powers = layer->variant ? block->gates : out;
    float total[RNNE_BLOCK] = {0};
    for (size_t first = 0; first < size; first += n)
        subtract_largest(lanes, n, z + first * lanes, out + first * lanes);
    kernels->activate(RNNE_EXP, size * lanes, out, powers);
    for (size_t first = 0; first < size; first += n) {
        float *const to = out + first * lanes;
        add_up(lanes, n, powers + first * lanes, total);
        if (layer->variant)
            kernels->elementwise(RNNE_FORMULA_LOG, 0.0f, 0.0f, lanes, total, total);
        for (size_t i = 0; i < n; i++)
            for (size_t l = 0; l < lanes; l++) {
                const float v = to[i * lanes + l];
                to[i * lanes + l] = rnne_flush(layer->variant ? v - total[l] : v / total[l]);
            }
    }
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    rnne_take_port(layer, t, layer->input_size);
    if (!layer->variant)
        return;
    const int32_t *const gain = rnne_take_gains(t, 1);
    layer->q.out_gain = gain ? *gain : 0;
    layer->q.out_places = rnne_take_places(t);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const rnne_q_layer *const q = &layer->q;
    const size_t groups = groups_of(layer), n = layer->input_size / groups;
    const int16_t *const z = rnne_rows_read(rows, layer, 0, j);
    if (layer->variant)
        rnne_q_log_softmax(groups, n, q->gain, q->places, q->out_gain, q->out_places, z, out);
    else
        rnne_q_softmax(groups, n, q->gain, q->places, z, out);
}

const rnne_kind rnne_kind_softmax = {
    .graph_variant = 1,
    .describe = describe, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
