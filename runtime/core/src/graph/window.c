/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"

enum { MAX_STATE = 1 << 20 };

/* Its state: the values of (taps - 1) * dilation steps, the oldest first. */
static int describe(rnne_layer *layer)
{
    const uint64_t size = (uint64_t)layer->hidden_size * layer->input_size;
    layer->h_size = (size_t)size;
    return layer->hidden_size >= 1 && size <= MAX_STATE;
}

static int check_words(rnne_layer *layer)
{
    if (layer->num_words != 2)
        return 0;
    const uint64_t taps = rnne_word(layer, 0), dilation = rnne_word(layer, 1);
    return taps >= 2 && dilation >= 1 && taps <= layer->output_size &&
           dilation <= layer->hidden_size && (taps - 1) * dilation == layer->hidden_size &&
           taps * layer->input_size == layer->output_size;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t n = layer->input_size * block->lanes, nbytes = n * sizeof *out;
    const size_t taps = layer->words[0], dilation = layer->words[1], num_kept = layer->hidden_size;
    float *const kept = block->state + layer->h_at * block->lanes;
    for (size_t k = 0; k + 1 < taps; k++)
        memcpy(out + k * n, kept + k * dilation * n, nbytes);
    memcpy(out + (taps - 1) * n, z, nbytes);
    memmove(kept, kept + n, (num_kept - 1) * nbytes);
    memcpy(kept + (num_kept - 1) * n, z, nbytes);
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    rnne_take_port(layer, t, layer->input_size);
    layer->q.hidden_bits = rnne_take_state_bits(t);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    rnne_q_window(layer->input_size, layer->words[0], layer->words[1], layer->q.gain,
                  layer->q.places, rnne_h_of(rows, layer, j), rnne_rows_read(rows, layer, 0, j),
                  out);
}

const rnne_kind rnne_kind_window = {
    .is_graph = 1, .letter = 'w',
    .describe = describe, .check_words = check_words, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
