/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_graph.h"
#include "memory.h"

static int describe(rnne_layer *layer)
{
    layer->h_size = layer->output_size;
    layer->has_next = 1;
    return layer->hidden_size == 0;
}

/* The first one, its next layer, is checked once all layers are known. */
static int check_words(rnne_layer *layer)
{
    if (layer->num_words == 0)
        return 0;
    layer->num_start = layer->num_words - 1;
    return layer->num_start == 0 || layer->num_start == layer->output_size;
}

/* The state as it was when the step began: the engine replaces it when the step has ended. */
static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes;
    (void)z;
    memcpy(out, block->state + layer->h_at * lanes, layer->output_size * lanes * sizeof *out);
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    if (!layer->is_wide)
        rnne_take_port(layer, t, layer->output_size);
    layer->q.hidden_bits = rnne_take_state_bits(t) + (layer->is_wide ? RNNE_WIDE_BITS : 0);
}

static void step_g(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out)
{
    const void *const state = rnne_h_of(rows, layer, j);
    if (layer->is_wide) {
        int32_t *const wide = rnne_rows_wide(rows, layer, j);
        memcpy(wide, state, layer->output_size * sizeof *wide);
        rnne_q_narrowed(layer->output_size, wide, out);
    } else {
        memcpy(out, state, layer->output_size * sizeof *out);
    }
}

void rnne_memory_keep(const rnne_rows *rows, const rnne_layer *layer, size_t j)
{
    const rnne_model *const model = rows->block.model;
    const size_t n = layer->output_size, at = model->layers[layer->words[0]].value_at;
    void *const state = rnne_h_of(rows, layer, j);
    if (layer->role == RNNE_ROLE_FLOAT)
        memcpy(state, rows->real[0] + j * model->value_floats + at, n * sizeof(float));
    else if (layer->is_wide)
        memcpy(state, rows->wide + j * model->value_floats + at, n * sizeof(int32_t));
    else
        rnne_q_port(n, layer->q.gain, layer->q.places,
                    rows->values + j * rnne_q_padded(model->value_floats) + at, state);
}

const rnne_kind rnne_kind_memory = {
    .is_graph = 1, .reading = RNNE_READS_NONE, .letter = 'm',
    .describe = describe, .check_words = check_words, .step = step,
    .tensors_g = tensors_g, .step_g = step_g,
};
