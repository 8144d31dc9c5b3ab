/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "pack.h"

#include "../base/bytes.h"

const float *rnne_pack_floats(rnne_arena *arena, const uint8_t *from, uint64_t n)
{
    float *const to = rnne_arena_take(arena, (n + RNNE_PANEL_STEP) * sizeof *to);
    for (size_t i = 0; to && i < n; i++)
        to[i] = rnne_flush(rnne_get_f32(from + 4 * i));
    return to;
}

void rnne_pack_sources(rnne_layer *layer, rnne_arena *arena)
{
    const uint64_t n = layer->num_sources;
    uint32_t *const sources = rnne_arena_take(arena, n * sizeof *sources);
    for (size_t i = 0; sources && i < n; i++)
        sources[i] = rnne_get_u32(layer->sources_in_file + i * 4) + (uint32_t)layer->readings_at;
    layer->sources = sources;
    layer->sources_in_file = NULL;
}

/* The rows x cols corner of `from`, as columns `first` .. of a packed matrix. */
static void pack_columns(float *panels, const rnne_matrix *matrix, size_t first,
                         rnne_tensor_at from, size_t rows)
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

rnne_matrix rnne_pack_matrix(rnne_arena *arena, uint64_t num_rows, rnne_tensor_at in,
                             rnne_tensor_at rec, const uint8_t *a, const uint8_t *b)
{
    const size_t rows = (size_t)num_rows;
    rnne_matrix matrix = {NULL, NULL, rnne_padded(rows), (size_t)(in.cols + rec.cols)};
    const uint64_t num_weights = (uint64_t)matrix.rows * (in.cols + rec.cols);
    float *const panels = rnne_arena_take_zeros(arena, num_weights * 4);
    float *const bias = rnne_arena_take_zeros(arena, (uint64_t)matrix.rows * 4);
    matrix.weights = panels;
    matrix.bias = bias;
    if (!arena->base)
        return matrix;
    pack_columns(panels, &matrix, 0, in, in.bytes ? rows : 0);
    pack_columns(panels, &matrix, (size_t)in.cols, rec, rec.bytes ? rows : 0);
    for (size_t r = 0; a && r < rows; r++) {
        bias[r] = rnne_flush(rnne_get_f32(a + 4 * r));
        if (b)
            bias[r] += rnne_flush(rnne_get_f32(b + 4 * r));
    }
    return matrix;
}
