/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

#include <string.h>

void rnne_describe_cell(rnne_layer *layer, uint32_t num_gates, uint32_t num_joint, uint32_t rows)
{
    const uint64_t in = layer->input_size, out = layer->output_size, hidden = layer->hidden_size;
    layer->num_gates = num_gates;
    layer->h_size = layer->output_size;
    layer->num_floats = num_gates * hidden * (in + out + 2);
    layer->num_sums =
        (num_joint * hidden + RNNE_PANEL_STEP - 1) / RNNE_PANEL_STEP * RNNE_PANEL_STEP;
    layer->gate_floats =
        layer->num_sums + RNNE_PANEL_STEP + rows * (uint64_t)rnne_padded(layer->hidden_size);
}

rnne_cell_tensors rnne_cell_tensors_of(const rnne_layer *layer, const uint8_t *weights)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    const uint64_t rows = (uint64_t)layer->num_gates * layer->hidden_size;
    const uint8_t *const hh = weights + rows * in * 4, *const b_ih = hh + rows * out * 4;
    const rnne_cell_tensors tensors = {rows, {weights, in, 0}, {hh, out, 0},
                                       b_ih, b_ih + rows * 4,  b_ih + rows * 8};
    return tensors;
}

void rnne_cell_tensors_q(rnne_layer *layer, rnne_tensors *t, uint64_t num_rec)
{
    const uint64_t rows = (uint64_t)layer->num_gates * layer->hidden_size;
    rnne_q_matrix *const ih = &layer->q.matrix[0], *const hh = &layer->q.matrix[1];
    rnne_take_weights(t, ih, rows, layer->input_size);
    rnne_take_weights(t, hh, rows, layer->output_size);
    rnne_take_multipliers(t, ih, rows);
    rnne_take_multipliers(t, hh, rows);
    rnne_take_start(t, ih, rows, rows);
    rnne_take_start(t, hh, rows, num_rec);
}

void rnne_rows_activate(rnne_rows *rows, rnne_function function, size_t n, const rnne_span *span)
{
    for (size_t j = 0; j < span->n; j++) {
        int16_t *const out = rnne_q_row(rows, span->to, j);
        rows->block.model->q_kernels->activate(function, n, rnne_sum_row(rows, 0, j), out);
        rows->z[j] = out;
    }
}

void rnne_rows_cell(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    rnne_span one = *span;
    rnne_rows_product(rows, &layer->q.matrix[0], span, rows->z, 1, 0);
    one.n = span->is_sequence ? 1 : span->n;
    for (one.first = 0; one.first < span->n; one.first += one.n) {
        layer->kind->update_q(rows, layer, &one);
        for (size_t j = one.first; j < one.first + one.n; j++) {
            const void *const h = rnne_h_of(rows, layer, j);
            int16_t *const out = rnne_q_row(rows, span->to, j);
            if (layer->h_is_wide)
                rows->block.model->q_kernels->narrow(layer->output_size, h, out);
            else if (span->is_sequence)
                memcpy(out, h, layer->output_size * sizeof *out);
            rows->z[j] = layer->h_is_wide || span->is_sequence ? out : h;
        }
    }
}
