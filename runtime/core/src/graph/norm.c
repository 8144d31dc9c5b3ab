/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"

static int describe(rnne_layer *layer)
{
    layer->gate_floats = 2 * RNNE_CHAINS + rnne_padded(layer->output_size);
    return layer->output_size == layer->input_size && layer->hidden_size >= 1 &&
           layer->input_size % layer->hidden_size == 0;
}

static int check_words(rnne_layer *layer)
{
    if (layer->num_words != 1)
        return 0;
    const float eps = rnne_float_word(layer, 0);
    return eps >= 1e-12f && eps <= 1.0f;
}

/* Group by group, as long as what is written, whole vectors, fits into `out`. */
static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, size = layer->input_size, n = size / layer->hidden_size;
    const size_t width = lanes == 1 ? rnne_padded(n) : n;
    const rnne_norm_values values = {lanes, (int)layer->variant,
                                     rnne_float_from_bits(layer->words[0]), block->gates};
    for (size_t at = 0; at < size; at += n) {
        const int is_fitting = at + width <= rnne_padded(size);
        float *const to = is_fitting ? out + at * lanes : block->gates + 2 * RNNE_CHAINS * lanes;
        block->model->kernels->norm(&values, n, z + at * lanes, to);
        if (!is_fitting)
            memcpy(out + at * lanes, to, n * lanes * sizeof *out);
    }
    return out;
}

enum { LARGEST_EPS = 1 << 22, LARGEST_EPS_PLACES = 36, MOST_BITS = 15 };

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    rnne_take_port(layer, t, layer->input_size);
    const int64_t eps = rnne_take_bits(t, 0, LARGEST_EPS);
    const int places = rnne_take_bits(t, 0, LARGEST_EPS_PLACES);
    layer->q.norm_bits = rnne_take_bits(t, 0, MOST_BITS);
    if (!t->is_invalid)
        layer->q.eps = eps << places;
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const size_t groups = layer->hidden_size;
    rnne_q_norm(groups, layer->input_size / groups, layer->q.gain, layer->q.places, layer->q.eps,
                layer->q.norm_bits, (int)layer->variant, rnne_rows_read(rows, layer, 0, j), out);
}

const rnne_kind rnne_kind_norm = {
    .is_graph = 1,
    .max_variant = 1,
    .describe = describe,
    .check_words = check_words,
    .step = step,
    .tensors_g = tensors_g,
    .step_g = step_g,
};
