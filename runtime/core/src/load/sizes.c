/* SPDX-License-Identifier: MIT */
#include "sizes.h"

#include "../layers/layer.h"
#include "../layers/w8a16_tensors.h"

static void widen(uint64_t *largest, uint64_t floats)
{
    if (*largest < floats)
        *largest = floats;
}

/* The sums of a layer, and what its products work in. */
static void count_integers(rnne_layout *layout, const rnne_layer *layer)
{
    for (int i = 0; i < 3; i++) {
        uint64_t rows, cols;
        rnne_q_matrix_size(layer, i, &rows, &cols);
        widen(&layout->sum_ints, rnne_q_padded((size_t)rows) + RNNE_Q_STEP);
        widen(&layout->byte_count, 2 * rnne_q_padded((size_t)cols));
    }
    widen(&layout->sum_ints, rnne_q_padded(layer->output_size));
    widen(&layout->value_floats, rnne_padded(layer->hidden_size));
}

/* What a layer needs while it is computed. */
void rnne_count_work(rnne_layout *layout, const rnne_layer *layer)
{
    if (layer->role == RNNE_ROLE_INTEGER && layer->kind != RNNE_EMBEDDING) {
        count_integers(layout, layer);
    } else if (rnne_is_recurrent(layer)) {
        const uint64_t num_gates = layer->kind == RNNE_LSTM ? 4 : layer->kind == RNNE_GRU ? 2 : 1;
        const uint64_t gates = num_gates * layer->hidden_size + 2 * RNNE_PANEL_STEP;
        widen(&layout->gate_floats, gates / RNNE_PANEL_STEP * RNNE_PANEL_STEP +
                                        2 * (uint64_t)rnne_padded(layer->hidden_size));
    }
    widen(&layout->value_floats, rnne_padded(layer->output_size));
    layout->has_float |= layer->role == RNNE_ROLE_FLOAT;
}

/* Memory of h: int16, of a gru int32; of d int32. */
static size_t q_hidden_floats(const rnne_layer *layer)
{
    if (layer->kind == RNNE_DIFFERENCE)
        return rnne_padded(rnne_first_state_size(layer));
    const size_t padded = rnne_q_padded(layer->output_size);
    return layer->kind == RNNE_GRU ? padded : padded / 2;
}

/* Adds a layer's weights and state. */
void rnne_count_layer(rnne_layout *layout, rnne_layer *layer)
{
    const int is_integer = layer->role == RNNE_ROLE_INTEGER;
    const size_t size = rnne_first_state_size(layer), hidden = layer->hidden_size;
    if (layout->is_integer)
        layout->weight_nbytes += rnne_q_map_of(layer, layout->num_derived).nbytes;
    else
        layout->weight_nbytes += 4 * rnne_layer_weight_floats(layer);
    if (!rnne_has_state(layer))
        return;
    layer->h_at = (size_t)layout->state_floats;
    layout->state_floats += is_integer ? q_hidden_floats(layer) : rnne_padded(size);
    layout->state_size += size;
    layout->num_tensors++;
    if (layer->kind == RNNE_LSTM) {
        layer->c_at = (size_t)layout->state_floats;
        layout->state_floats += is_integer ? rnne_q_padded(hidden) : rnne_padded(hidden);
        layout->state_size += hidden;
        layout->num_tensors++;
    }
}
