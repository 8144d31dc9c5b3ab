/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

#include "../w8a16/w8a16_arithmetic.h"

enum { CELL_BITS_FROM = 15, CELL_BITS_TO = 20 };

static int is_projected(const rnne_layer *layer)
{
    return layer->variant == 1;
}

static int describe(rnne_layer *layer)
{
    const uint64_t out = layer->output_size, hidden = layer->hidden_size;
    rnne_describe_cell(layer, 4, 4, 1);
    layer->c_size = layer->hidden_size;
    layer->num_floats += is_projected(layer) ? out * hidden : 0;
    return hidden >= 1 && (is_projected(layer) || out == hidden);
}

/* matrix 0: [W_ih W_hh]; 1: with projection W_hr */
static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const rnne_cell_tensors w = rnne_cell_tensors_of(layer, weights);
    const rnne_tensor_at hr = {w.end, layer->hidden_size, 0}, none = {NULL, 0, 0};
    layer->matrix[0] = rnne_pack_matrix(arena, w.rows, w.ih, w.hh, w.b_ih, w.b_hh);
    if (is_projected(layer))
        layer->matrix[1] = rnne_pack_matrix(arena, layer->output_size, hr, none, NULL, NULL);
}

/* The weights that are read behind those of the gates. */
static const float *weights_behind(const rnne_block *block, const rnne_layer *layer)
{
    const rnne_model *const model = block->model;
    const size_t next = (size_t)(layer - model->layers + 1) % model->info.num_layers;
    if (is_projected(layer))
        return layer->matrix[1].weights;
    if (block->known[0])
        return layer->matrix[0].weights;
    return block->lanes == 1 ? model->layers[next].matrix[0].weights : NULL;
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, size = layer->output_size;
    float *const h = block->state + layer->h_at * lanes;
    const rnne_cell_values values = {
        .n = layer->hidden_size * lanes,
        .gates = block->gates,
        .c = block->state + layer->c_at * lanes,
        .h = is_projected(layer) ? rnne_behind_gates(block, layer) : h,
        .soon = weights_behind(block, layer),
    };
    (void)out;
    rnne_block_sums(block, layer, 0, z, h, size, block->gates);
    block->kernels->cell[RNNE_CELL_lstm](&values);
    if (is_projected(layer)) {
        rnne_block_product(block, &layer->matrix[1], values.h, layer->hidden_size, h, 0, h);
        block->kernels->activate(RNNE_IDENTITY, size * lanes, h, h);
    }
    return h;
}

/* matrix 2: with projection W_hr */
static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    rnne_q_matrix *const hr = &layer->q.matrix[2];
    rnne_cell_tensors_q(layer, t, 0);
    layer->q.hidden_bits =
        rnne_take_bits(t, is_projected(layer) ? 0 : RNNE_STATE_BITS, RNNE_STATE_BITS);
    layer->q.cell_bits = rnne_take_bits(t, CELL_BITS_FROM, CELL_BITS_TO);
    if (!is_projected(layer))
        return;
    rnne_take_weights(t, hr, layer->output_size, layer->hidden_size);
    rnne_take_multipliers(t, hr, layer->output_size);
    rnne_take_start(t, hr, layer->output_size, 0);
}

static void update(const rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    rnne_rows_recur(rows, layer, span);
    for (size_t j = 0; j < span->n; j++) {
        const size_t row = span->first + j;
        int16_t *const m =
            is_projected(layer) ? rnne_q_row(rows, span->from, row) : rnne_h_of(rows, layer, row);
        const rnne_q_cell_values values = {
            .n = layer->hidden_size,
            .cell_bits = layer->q.cell_bits,
            .sums = rnne_sum_row(rows, 1, row),
            .c = (int32_t *)(void *)(rows->states[row] + layer->c_at),
            .m = m,
        };
        kernels->cell[RNNE_CELL_lstm](&values);
        rows->operands[j] = m;
    }
    if (!is_projected(layer))
        return;
    rnne_rows_product(rows, &layer->q.matrix[2], span, rows->operands, 1, 1);
    for (size_t j = span->first; j < span->first + span->n; j++)
        kernels->activate(RNNE_IDENTITY, layer->output_size, rnne_sum_row(rows, 1, j),
                          rnne_h_of(rows, layer, j));
}

const rnne_kind rnne_kind_lstm = {
    .max_variant = 1,
    .num_inputs = 1,
    .holds_output = 1,
    .describe = describe,
    .check_words = rnne_words_are_start,
    .pack = pack,
    .step = step,
    .tensors_q = tensors_q,
    .step_q = rnne_rows_cell,
    .update_q = update,
};
