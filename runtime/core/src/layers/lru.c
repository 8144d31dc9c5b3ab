/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "cell.h"

#include "../w8a16/w8a16_graph.h"

enum { BLOCKS = 3, LRU_BITS = 24, STEP_BITS = 16, TO_BASE_2 = 12102203 };

static int describe(rnne_layer *layer)
{
    const uint64_t in = layer->input_size, hidden = layer->hidden_size;
    layer->num_gates = BLOCKS;
    layer->h_size = layer->hidden_size;
    layer->h_is_wide = 1;
    layer->num_floats = BLOCKS * hidden * (in + 1);
    /* Vectors of the last block read beyond it. */
    layer->num_sums = rnne_padded(BLOCKS * (size_t)hidden) + RNNE_PANEL_STEP;
    layer->gate_floats = layer->num_sums;
    return layer->output_size == layer->hidden_size;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const uint64_t in = layer->input_size, rows = BLOCKS * (uint64_t)layer->hidden_size;
    const rnne_tensor_at w = {weights, in, 0}, none = {NULL, 0, 0};
    layer->matrix[0] = rnne_pack_matrix(arena, rows, w, none, weights + rows * in * 4, NULL);
}

static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const rnne_lru_values values = {
        .n = layer->hidden_size * block->lanes,
        .lanes = block->lanes,
        .gates = rnne_block_sums(block, layer, 0, z, z, 0, block->gates),
        .step = layer->variant ? rnne_block_read(block, layer, 1) : NULL,
        .h = block->state + layer->h_at * block->lanes,
        .y = out,
    };
    block->kernels->lru(&values);
    return out;
}

static void tensors_g(rnne_layer *layer, rnne_tensors *t)
{
    const uint64_t rows = BLOCKS * (uint64_t)layer->hidden_size;
    rnne_q_matrix *const matrix = &layer->q.matrix[0];
    rnne_take_weights(t, matrix, rows, layer->input_size);
    rnne_take_multipliers(t, matrix, rows);
    rnne_take_start(t, matrix, rows, rows);
    if (layer->variant)
        rnne_take_port(layer, t, 1);
    layer->q.hidden_bits = LRU_BITS;
}

/* The length of a step of row j, with 16 fraction bits. */
static int64_t length_q(const rnne_rows *rows, const rnne_layer *layer, size_t j)
{
    if (!layer->variant)
        return 1 << STEP_BITS;
    const int64_t q = *rnne_rows_read(rows, layer, 1, j);
    const int64_t v = rnne_q_shift_long(q * layer->q.gain[0], layer->q.places);
    return v < 0 ? 0 : v > INT32_MAX ? INT32_MAX : v;
}

/* The share of its way that h goes, as Q30. */
static int32_t share_q(int32_t d, int64_t length)
{
    const int64_t one = (int64_t)1 << 30, thirty = (int64_t)30 << 24;
    const int64_t size = rnne_q_shift_long((int64_t)(d < 0 ? -d : d) * TO_BASE_2, 10);
    const int64_t rate = rnne_q_log2(one + rnne_q_exp2(size)) - thirty + (d > 0 ? size : 0);
    return (int32_t)(one - rnne_q_exp2(rnne_q_shift_long(rate * length, STEP_BITS)));
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const size_t n = layer->hidden_size;
    rnne_rows_product(rows, &layer->q.matrix[0], span, rows->z, 1, 0);
    for (size_t j = 0; j < span->n; j++) {
        const int32_t *const sums = rnne_sum_row(rows, 0, j);
        const int64_t length = length_q(rows, layer, j);
        int32_t *const h = rnne_h_of(rows, layer, j);
        int16_t *const out = rnne_q_row(rows, span->to, j);
        for (size_t i = 0; i < n; i++) {
            const int64_t share = share_q(rnne_saturated(sums[i]), length);
            const int32_t goal = rnne_tanh_q(rnne_saturated(sums[n + i])) * 512;
            const int64_t opened = rnne_gate_q(rnne_saturated(sums[2 * n + i]));
            h[i] += (int32_t)rnne_q_shift_long(share * (goal - h[i]), 30);
            out[i] = rnne_q_sat_long(rnne_q_shift_long(opened * h[i], LRU_BITS + 1));
        }
        rows->z[j] = out;
    }
}

const rnne_kind rnne_kind_lru = {
    .is_graph = 1,
    .max_variant = 1,
    .reading = RNNE_READS_STEP,
    .num_inputs = 1,
    .describe = describe,
    .check_words = rnne_words_are_start,
    .pack = pack,
    .step = step,
    .step_q = step_q,
    .tensors_g = tensors_g,
};
