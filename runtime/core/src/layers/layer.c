/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "layer.h"

#include "../base/bytes.h"

enum { MAX_SIZE = 1 << 24 };

/* What docs/format.md says of each kind. */
int rnne_has_known_variant(const rnne_layer *layer)
{
    switch (layer->kind) {
    case RNNE_AFFINE:
    case RNNE_RNN:
    case RNNE_LSTM:
    case RNNE_ADD_LAST: return layer->variant <= 1;
    case RNNE_ACTIVATION: return layer->variant <= 2;
    case RNNE_EMBEDDING:
    case RNNE_GRU:
    case RNNE_LINEAR:
    case RNNE_SOFTMAX:
    case RNNE_DIFFERENCE: return layer->variant == 0;
    }
    return 0;
}

int rnne_has_fitting_sizes(const rnne_layer *layer)
{
    const uint32_t in = layer->input_size, out = layer->output_size, hidden = layer->hidden_size;
    if (in < 1 || in > MAX_SIZE || out < 1 || out > MAX_SIZE || hidden > MAX_SIZE)
        return 0;
    switch (layer->kind) {
    case RNNE_AFFINE:
    case RNNE_ACTIVATION:
    case RNNE_SOFTMAX:
    case RNNE_ADD_LAST: return out == in && hidden == 0;
    case RNNE_EMBEDDING: return in == 1 && hidden >= 1;
    case RNNE_RNN:
    case RNNE_GRU: return out == hidden;
    case RNNE_LSTM: return hidden >= 1 && (layer->variant == 1 || out == hidden);
    case RNNE_LINEAR: return hidden == 0;
    case RNNE_DIFFERENCE: return out > in && hidden == 0;
    }
    return 0;
}

uint64_t rnne_num_gates(const rnne_layer *layer)
{
    return layer->kind == RNNE_GRU ? 3 : layer->kind == RNNE_LSTM ? 4 : 1;
}

uint64_t rnne_layer_weight_floats(const rnne_layer *layer)
{
    const uint64_t in = layer->input_size, out = layer->output_size, hidden = layer->hidden_size;
    switch (layer->kind) {
    case RNNE_AFFINE: return 2 * in;
    case RNNE_EMBEDDING: return hidden * out;
    case RNNE_LINEAR: return out * (in + 1);
    case RNNE_RNN:
    case RNNE_GRU: return rnne_num_gates(layer) * hidden * (in + hidden + 2);
    case RNNE_LSTM: return 4 * hidden * (in + out + 2) + (layer->variant ? out * hidden : 0);
    case RNNE_ACTIVATION:
    case RNNE_SOFTMAX:
    case RNNE_ADD_LAST: return 0;
    case RNNE_DIFFERENCE: return 2 * (out - in);
    }
    return 0;
}

int rnne_changes_are_ordered(const rnne_layer *layer, const uint8_t *weights, uint64_t *at)
{
    const uint64_t n = layer->kind == RNNE_DIFFERENCE ? layer->output_size - layer->input_size : 0;
    for (uint64_t i = 0; i < n; i++) {
        *at = 4 * i;
        if (rnne_get_f32(weights + 4 * i) > rnne_get_f32(weights + 4 * (n + i)))
            return 0;
    }
    return 1;
}

/* The flushed values of n floats in memory of its own. */
static const float *copy(rnne_arena *arena, const uint8_t *from, uint64_t n)
{
    float *const to = rnne_arena_take(arena, (n + RNNE_PANEL_STEP) * sizeof *to);
    for (size_t i = 0; to && i < n; i++)
        to[i] = rnne_flush(rnne_get_f32(from + 4 * i));
    return to;
}

void rnne_layer_take_sources(rnne_layer *layer, rnne_arena *arena)
{
    const uint64_t n = rnne_num_sources(layer);
    uint32_t *const sources = rnne_arena_take(arena, n * sizeof *sources);
    for (size_t i = 0; sources && i < n; i++)
        sources[i] = rnne_get_u32(layer->sources_in_file + i * 4) + (uint32_t)layer->readings_at;
    layer->sources = sources;
    layer->sources_in_file = NULL;
}

/* A tensor [rows][cols] of the file, from row `row` on. */
typedef struct tensor {
    const uint8_t *bytes;
    uint64_t cols;
    uint64_t row;
} tensor;

/* The rows x cols corner of `from`, as columns `first` .. of a packed matrix. */
static void pack_columns(float *panels, const rnne_matrix *matrix, size_t first, tensor from,
                         size_t rows)
{
    for (size_t r = 0; r < rows; r++) {
        const size_t panel = r / RNNE_PANEL * RNNE_PANEL, left = matrix->rows - panel;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        float *to = panels + panel * matrix->cols + first * width + (r - panel);
        const uint8_t *at = from.bytes + (size_t)((from.row + r) * from.cols * 4);
        for (size_t c = 0; c < from.cols; c++, to += width, at += 4)
            *to = rnne_flush(rnne_get_f32(at));
    }
}

/*
 * A matrix of `rows` rows over the columns of `in` and then of `rec` (either without bytes: none)
 * and the bias `a` or, where b is given, a + b rounded once.
 */
static rnne_matrix pack_matrix(rnne_arena *arena, size_t rows, tensor in, tensor rec,
                               const uint8_t *a, const uint8_t *b)
{
    rnne_matrix matrix = {NULL, NULL, rnne_padded(rows), (size_t)(in.cols + rec.cols)};
    const uint64_t num_weights = (uint64_t)matrix.rows * (in.cols + rec.cols);
    float *const panels = rnne_arena_take(arena, num_weights * 4);
    float *const bias = rnne_arena_take(arena, (uint64_t)matrix.rows * 4);
    matrix.weights = panels;
    matrix.bias = bias;
    if (!arena->base)
        return matrix;
    memset(panels, 0, (size_t)num_weights * 4);
    memset(bias, 0, matrix.rows * 4);
    pack_columns(panels, &matrix, 0, in, in.bytes ? rows : 0);
    pack_columns(panels, &matrix, (size_t)in.cols, rec, rec.bytes ? rows : 0);
    for (size_t r = 0; a && r < rows; r++) {
        bias[r] = rnne_flush(rnne_get_f32(a + 4 * r));
        if (b)
            bias[r] += rnne_flush(rnne_get_f32(b + 4 * r));
    }
    return matrix;
}

static void pack_recurrent(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const uint64_t in = layer->input_size, out = layer->output_size, hidden = layer->hidden_size;
    const uint64_t rows = rnne_num_gates(layer) * hidden;
    const tensor none = {NULL, 0, 0};
    const tensor ih = {weights, in, 0};
    const tensor hh = {weights + rows * in * 4, out, 0};
    const uint8_t *const b_ih = weights + rows * (in + out) * 4;
    const uint8_t *const b_hh = b_ih + rows * 4;
    if (layer->kind == RNNE_GRU) {
        const tensor n_in = {ih.bytes, in, 2 * hidden}, n_rec = {hh.bytes, out, 2 * hidden};
        const uint64_t n_bias = 2 * hidden * 4;
        layer->matrix[0] = pack_matrix(arena, (size_t)(2 * hidden), ih, hh, b_ih, b_hh);
        layer->matrix[1] = pack_matrix(arena, (size_t)hidden, n_in, none, b_ih + n_bias, NULL);
        layer->matrix[2] = pack_matrix(arena, (size_t)hidden, none, n_rec, b_hh + n_bias, NULL);
        return;
    }
    layer->matrix[0] = pack_matrix(arena, (size_t)rows, ih, hh, b_ih, b_hh);
    if (layer->kind == RNNE_LSTM && layer->variant) {
        const tensor hr = {b_hh + rows * 4, hidden, 0};
        layer->matrix[1] = pack_matrix(arena, (size_t)out, hr, none, NULL, NULL);
    }
}

void rnne_layer_pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    switch (layer->kind) {
    case RNNE_AFFINE:
        layer->shift = copy(arena, weights, in);
        layer->scale = copy(arena, weights + in * 4, in);
        break;
    case RNNE_EMBEDDING: layer->table = copy(arena, weights, layer->hidden_size * out); break;
    case RNNE_ADD_LAST: rnne_layer_take_sources(layer, arena); break;
    case RNNE_DIFFERENCE:
        layer->low = copy(arena, weights, out - in);
        layer->high = copy(arena, weights + (out - in) * 4, out - in);
        rnne_layer_take_sources(layer, arena);
        break;
    case RNNE_LINEAR: {
        const tensor w = {weights, in, 0}, none = {NULL, 0, 0};
        layer->matrix[0] = pack_matrix(arena, (size_t)out, w, none, weights + out * in * 4, NULL);
        break;
    }
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM: pack_recurrent(layer, arena, weights); break;
    case RNNE_ACTIVATION:
    case RNNE_SOFTMAX: break;
    }
}
