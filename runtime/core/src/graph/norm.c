/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"
#include "total.h"

static int describe(rnne_layer *layer)
{
    layer->gate_floats = 2 * RNNE_TOTAL_FLOATS;
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

/* One of its groups, n values. */
static void step_group(const rnne_block *block, const rnne_layer *layer, size_t n, const float *z,
                       float *out)
{
    const size_t lanes = block->lanes;
    const float share = 1.0f / (float)n, eps = rnne_float_from_bits(layer->words[0]);
    float *const total = block->gates + RNNE_TOTAL_FLOATS * lanes;
    if (layer->variant) {
        rnne_total(block, n, z, 0, total);
        for (size_t l = 0; l < lanes; l++)
            total[l] *= share;
        for (size_t i = 0; i < n; i++)
            for (size_t l = 0; l < lanes; l++)
                out[i * lanes + l] = z[i * lanes + l] - total[l];
    } else {
        memcpy(out, z, n * lanes * sizeof *out);
    }
    rnne_total(block, n, out, 1, total);
    for (size_t l = 0; l < lanes; l++)
        total[l] = total[l] * share + eps;
    block->model->kernels->rsqrt(lanes, total, total);
    for (size_t i = 0; i < n; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = rnne_flush(out[i * lanes + l] * total[l]);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t n = layer->input_size / layer->hidden_size;
    for (size_t i = 0; i < layer->input_size; i += n)
        step_group(block, layer, n, z + i * block->lanes, out + i * block->lanes);
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
    .is_graph = 1, .max_variant = 1,
    .describe = describe, .check_words = check_words, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
