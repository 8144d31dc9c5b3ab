/* SPDX-License-Identifier: MIT */
/* The tensors of `w8a16.v1`, copied into the layout of the kernels. */
#include "../base/guard.h"

#include "w8a16_pack.h"

#include "../base/bytes.h"
#include "layer.h"
#include "w8a16_tensors.h"

/* n 32-bit values in memory of their own, zeros to a whole vector behind them. */
static void *copy_words(rnne_arena *arena, const uint8_t *from, uint64_t n)
{
    const uint64_t nbytes = (n + RNNE_Q_STEP) * 4;
    uint8_t *const to = rnne_arena_take(arena, nbytes);
    if (!to)
        return NULL;
    memset(to, 0, (size_t)nbytes);
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = rnne_get_u32(from + 4 * i);
        memcpy(to + 4 * i, &bits, 4);
    }
    return to;
}

static const int32_t *copy_halves(rnne_arena *arena, const uint8_t *from, uint64_t n)
{
    const uint64_t size = n + RNNE_Q_STEP;
    int32_t *const to = rnne_arena_take(arena, size * sizeof *to);
    if (!to)
        return NULL;
    memset(to, 0, (size_t)size * sizeof *to);
    for (size_t i = 0; i < n; i++)
        to[i] = (int32_t)(rnne_get_u16(from + 2 * i) ^ 0x8000u) - 0x8000;
    return to;
}

/* Weights [rows][cols] of the file into panels; the offsets of the rows beside them. */
static void pack_weights(const rnne_q_matrix *matrix, const uint8_t *from, size_t rows,
                         size_t cols, int8_t *panels, int32_t *offset)
{
    memset(panels, 0, matrix->rows * matrix->cols);
    memset(offset, 0, matrix->rows * sizeof *offset);
    for (size_t r = 0; r < rows; r++) {
        const size_t panel = r / RNNE_PANEL * RNNE_PANEL, left = matrix->rows - panel;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        int8_t *const to = panels + panel * matrix->cols + (r - panel) * RNNE_QUAD;
        int64_t sum = 0;
        for (size_t c = 0; c < cols; c++) {
            int8_t weight;
            memcpy(&weight, from + r * cols + c, 1);
            to[c / RNNE_QUAD * RNNE_QUAD * width + c % RNNE_QUAD] = weight;
            sum += weight;
        }
        const uint32_t bits = (uint32_t)(-0x8000 * sum); /* 2^31 wraps, and so do the products */
        memcpy(&offset[r], &bits, sizeof bits);
    }
}

/* Matrix i of a layer; bias [num_biases] stands for its last rows, zeros for the others. */
static void pack_matrix(rnne_layer *layer, int i, rnne_arena *arena, const uint8_t *bytes,
                        const rnne_q_map *map, const uint8_t *bias, uint64_t num_biases)
{
    rnne_q_matrix *const matrix = &layer->integer.matrix[i];
    uint64_t rows, cols;
    rnne_q_matrix_size(layer, i, &rows, &cols);
    if (!rows)
        return;
    matrix->rows = rnne_padded((size_t)rows);
    matrix->cols = (size_t)((cols + RNNE_QUAD - 1) / RNNE_QUAD * RNNE_QUAD);
    int8_t *const panels = rnne_arena_take(arena, (uint64_t)matrix->rows * matrix->cols);
    int32_t *const offset = rnne_arena_take(arena, (uint64_t)matrix->rows * sizeof *offset);
    int32_t *const start = rnne_arena_take(arena, (uint64_t)matrix->rows * sizeof *start);
    matrix->multiplier = copy_words(arena, bytes + map->multiplier[i], rows);
    matrix->weights = panels;
    matrix->offset = offset;
    matrix->start = start;
    if (!arena->base)
        return;
    pack_weights(matrix, bytes + map->weight[i], (size_t)rows, (size_t)cols, panels, offset);
    memset(start, 0, matrix->rows * sizeof *start);
    for (size_t r = 0; r < num_biases; r++) {
        const uint32_t bits = rnne_get_u32(bias + 4 * r);
        memcpy(&start[rows - num_biases + r], &bits, sizeof bits);
    }
}

static void pack_products(rnne_layer *layer, rnne_arena *arena, const uint8_t *bytes,
                          const rnne_q_map *map)
{
    uint64_t rows, cols;
    rnne_q_matrix_size(layer, 0, &rows, &cols);
    pack_matrix(layer, 0, arena, bytes, map, bytes + map->bias, rows);
    pack_matrix(layer, 1, arena, bytes, map, bytes + map->bias_hn,
                layer->kind == RNNE_GRU ? layer->hidden_size : 0);
    pack_matrix(layer, 2, arena, bytes, map, NULL, 0);
    if (!arena->base)
        return;
    if (layer->kind == RNNE_RNN || layer->kind == RNNE_LSTM)
        layer->integer.hidden_bits = (int)rnne_get_u32(bytes + map->bits);
    if (layer->kind == RNNE_LSTM)
        layer->integer.cell_bits = (int)rnne_get_u32(bytes + map->bits + 4);
}

static void pack_tensors(rnne_layer *layer, rnne_arena *arena, const uint8_t *bytes,
                         const rnne_q_map *map)
{
    rnne_q_layer *const to = &layer->integer;
    const uint64_t out = layer->output_size, hidden = layer->hidden_size;
    switch (layer->kind) {
    case RNNE_EMBEDDING: {
        int8_t *const table = rnne_arena_take(arena, hidden * out);
        to->table = table;
        to->multiplier = copy_words(arena, bytes + map->multiplier[0], hidden);
        if (table)
            memcpy(table, bytes + map->weight[0], (size_t)(hidden * out));
        break;
    }
    case RNNE_ACTIVATION: to->gain = copy_words(arena, bytes + map->gain, 1); break;
    case RNNE_ADD_LAST:
        to->gain = copy_words(arena, bytes + map->gain, out);
        to->source_gain = copy_words(arena, bytes + map->source_gain, out);
        rnne_layer_take_sources(layer, arena);
        break;
    case RNNE_LINEAR:
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM: pack_products(layer, arena, bytes, map); break;
    case RNNE_DIFFERENCE:
        to->change_low = copy_words(arena, bytes + map->change_low, out - layer->input_size);
        to->change_high = copy_words(arena, bytes + map->change_high, out - layer->input_size);
        to->drop = copy_words(arena, bytes + map->drop, out - layer->input_size);
        rnne_layer_take_sources(layer, arena);
        break;
    case RNNE_AFFINE:
    case RNNE_SOFTMAX: break;
    }
}

void rnne_q_layer_pack(rnne_layer *layer, uint32_t num_derived, rnne_arena *arena,
                       const uint8_t *bytes, rnne_q_inputs *inputs)
{
    const rnne_q_map map = rnne_q_map_of(layer, num_derived);
    const uint64_t in = layer->input_size, out = layer->output_size;
    if (layer->is_input) {
        inputs->shift = copy_words(arena, bytes + map.shift, in);
        inputs->rate = copy_words(arena, bytes + map.rate, in);
        inputs->step = copy_words(arena, bytes + map.step, in);
        inputs->low = copy_halves(arena, bytes + map.low, in);
        inputs->high = copy_halves(arena, bytes + map.high, in);
        inputs->reading_low = inputs->reading_high = inputs->least = inputs->most = NULL;
        if (layer->holds_readings) {
            inputs->reading_low = copy_words(arena, bytes + map.reading_low, in);
            inputs->reading_high = copy_words(arena, bytes + map.reading_high, in);
        }
        inputs->turn_gain = copy_words(arena, bytes + map.turn_gain, 2 * (uint64_t)num_derived);
        inputs->turn_offset =
            copy_words(arena, bytes + map.turn_offset, 2 * (uint64_t)num_derived);
    } else if (layer->is_first) {
        layer->integer.rate = copy_words(arena, bytes + map.rate, in);
    }
    if (layer->role == RNNE_ROLE_FLOAT)
        rnne_layer_pack(layer, arena, bytes + map.floats);
    else if (layer->role == RNNE_ROLE_INTEGER)
        pack_tensors(layer, arena, bytes, &map);
    if (layer->is_last) {
        layer->integer.step = copy_words(arena, bytes + map.out_step, out);
        layer->integer.offset = copy_words(arena, bytes + map.out_offset, out);
    }
}
