/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "w8a16_tensors.h"

#include "../base/bytes.h"

enum {
    LARGEST_WEIGHT = 127,
    LARGEST_ROW_SUM = 65536,
    LARGEST_MULTIPLIER = (1 << 30) - 1,
    LARGEST_BIAS = 1 << 28,
    LARGEST_PORT_GAIN = 1 << 22,
    MOST_PLACES = 46,
    LEAST_STATE_BITS = -32,
    MOST_STATE_BITS = 40
};

static void note(rnne_tensors *t, int is_valid, uint64_t at)
{
    if (!is_valid && !t->is_invalid) {
        t->is_invalid = 1;
        t->fault_at = at;
    }
}

/* Where the next tensor begins. */
static uint64_t next(rnne_tensors *t, uint64_t nbytes)
{
    const uint64_t at = t->at;
    t->at += (nbytes + 3) / 4 * 4;
    return at;
}

static int is_checked(const rnne_tensors *t)
{
    return t->bytes && !t->arena;
}

static int32_t get_i32(const uint8_t *at)
{
    const uint32_t bits = rnne_get_u32(at);
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int32_t get_i16(const uint8_t *at)
{
    return (int32_t)(rnne_get_u16(at) ^ 0x8000u) - 0x8000;
}

/* Memory of n values of 4 bytes and zeros to a whole vector behind them; NULL where there is none. */
static void *take(const rnne_tensors *t, uint64_t n)
{
    return t->arena ? rnne_arena_take_zeros(t->arena, (n + RNNE_Q_STEP) * 4) : NULL;
}

static void *take_words(const rnne_tensors *t, uint64_t at, uint64_t n)
{
    uint8_t *const to = take(t, n);
    for (size_t i = 0; to && i < n; i++) {
        const uint32_t bits = rnne_get_u32(t->bytes + at + 4 * i);
        memcpy(to + 4 * i, &bits, 4);
    }
    return to;
}

static void check_words(rnne_tensors *t, uint64_t at, uint64_t n, int32_t low, int32_t high)
{
    for (uint64_t i = 0; is_checked(t) && i < n; i++) {
        const int32_t value = get_i32(t->bytes + at + 4 * i);
        note(t, value >= low && value <= high, at + 4 * i);
    }
}

const int32_t *rnne_take_words(rnne_tensors *t, uint64_t n, int32_t low, int32_t high)
{
    const uint64_t at = next(t, 4 * n);
    check_words(t, at, n, low, high);
    return take_words(t, at, n);
}

const float *rnne_take_floats(rnne_tensors *t, uint64_t n)
{
    const uint64_t at = next(t, 4 * n);
    for (uint64_t i = 0; is_checked(t) && i < n; i++) {
        const uint32_t bits = rnne_get_u32(t->bytes + at + 4 * i) & 0x7fffffffu;
        note(t, bits == 0 || (bits >= 0x26800000u && bits <= 0x71800000u), at + 4 * i);
    }
    return take_words(t, at, n);
}

const int32_t *rnne_take_halves(rnne_tensors *t, uint64_t n)
{
    const uint64_t at = next(t, 2 * n);
    int32_t *const to = take(t, n);
    for (uint64_t i = 0; is_checked(t) && i < n; i++)
        note(t, get_i16(t->bytes + at + 2 * i) != -0x8000, at + 2 * i);
    for (size_t i = 0; to && i < n; i++)
        to[i] = get_i16(t->bytes + at + 2 * i);
    return to;
}

const int16_t *rnne_take_shorts(rnne_tensors *t, uint64_t n)
{
    const uint64_t at = next(t, 2 * n);
    int16_t *const to = t->arena ? rnne_arena_take(t->arena, 2 * n) : NULL;
    for (uint64_t i = 0; is_checked(t) && i < n; i++)
        note(t, get_i16(t->bytes + at + 2 * i) != -0x8000, at + 2 * i);
    for (size_t i = 0; to && i < n; i++)
        to[i] = (int16_t)get_i16(t->bytes + at + 2 * i);
    return to;
}

const int32_t *rnne_take_gains(rnne_tensors *t, uint64_t n)
{
    return rnne_take_words(t, n, -LARGEST_PORT_GAIN, LARGEST_PORT_GAIN);
}

int rnne_take_places(rnne_tensors *t)
{
    return rnne_take_bits(t, 1, MOST_PLACES);
}

void rnne_take_port(rnne_layer *layer, rnne_tensors *t, uint64_t n)
{
    layer->q.gain = rnne_take_gains(t, n);
    layer->q.places = rnne_take_places(t);
}

int rnne_take_state_bits(rnne_tensors *t)
{
    return rnne_take_bits(t, LEAST_STATE_BITS, MOST_STATE_BITS);
}

const int32_t *rnne_take_factors(rnne_tensors *t, uint64_t n)
{
    return rnne_take_words(t, n, 0, LARGEST_MULTIPLIER);
}

const int32_t *rnne_take_bias(rnne_tensors *t, uint64_t n)
{
    return rnne_take_words(t, n, -LARGEST_BIAS, LARGEST_BIAS);
}

int rnne_take_bits(rnne_tensors *t, int32_t low, int32_t high)
{
    const uint64_t at = next(t, 4);
    const int32_t value = t->bytes ? get_i32(t->bytes + at) : low;
    note(t, value >= low && value <= high, at);
    return value;
}

void rnne_check_ordered(rnne_tensors *t, uint64_t n, uint64_t width)
{
    const uint64_t nbytes = (n * width + 3) / 4 * 4;
    uint64_t low = t->at - 2 * nbytes, high = t->at - nbytes;
    for (uint64_t i = 0; is_checked(t) && i < n; i++, low += width, high += width) {
        const uint8_t *const a = t->bytes + low, *const b = t->bytes + high;
        note(t, width == 4 ? get_i32(a) <= get_i32(b) : get_i16(a) <= get_i16(b), low);
    }
}

/* The largest magnitude of n weights, `stride` apart, and the sum of their magnitudes. */
static void check_row(rnne_tensors *t, uint64_t at, uint64_t n, uint64_t stride)
{
    uint64_t sum = 0;
    for (uint64_t k = 0; k < n; k++) {
        const int byte = t->bytes[at + k * stride], weight = byte > 127 ? byte - 256 : byte;
        sum += (uint64_t)(weight < 0 ? -weight : weight);
        note(t, weight >= -LARGEST_WEIGHT && sum <= LARGEST_ROW_SUM, at);
    }
}

static void check_weights(rnne_tensors *t, uint64_t at, uint64_t rows, uint64_t cols)
{
    for (uint64_t r = 0; is_checked(t) && r < rows; r++)
        check_row(t, at + r * cols, cols, 1);
}

const int8_t *rnne_take_table(rnne_tensors *t, uint64_t rows, uint64_t cols)
{
    const uint64_t at = next(t, rows * cols);
    int8_t *const table = t->arena ? rnne_arena_take(t->arena, rows * cols) : NULL;
    check_weights(t, at, rows, cols);
    if (table)
        memcpy(table, t->bytes + at, (size_t)(rows * cols));
    return table;
}

const int8_t *rnne_take_columns(rnne_tensors *t, uint64_t rows, uint64_t cols)
{
    const uint64_t at = next(t, rows * cols);
    int8_t *const table = t->arena ? rnne_arena_take(t->arena, rows * cols) : NULL;
    for (uint64_t c = 0; is_checked(t) && c < cols; c++)
        check_row(t, at + c, rows, cols);
    if (table)
        memcpy(table, t->bytes + at, (size_t)(rows * cols));
    return table;
}

/* Weights [rows][cols] of the file into panels; the offsets of the rows beside them. */
static void pack_weights(const rnne_q_matrix *matrix, const uint8_t *from, size_t rows,
                         size_t cols, int8_t *panels, int32_t *offset)
{
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

void rnne_take_weights(rnne_tensors *t, rnne_q_matrix *matrix, uint64_t rows, uint64_t cols)
{
    const uint64_t at = next(t, rows * cols);
    check_weights(t, at, rows, cols);
    if (!t->arena)
        return;
    matrix->rows = rnne_padded((size_t)rows);
    matrix->cols = (size_t)((cols + RNNE_QUAD - 1) / RNNE_QUAD * RNNE_QUAD);
    int8_t *const panels = rnne_arena_take_zeros(t->arena, (uint64_t)matrix->rows * matrix->cols);
    int32_t *const offset =
        rnne_arena_take_zeros(t->arena, (uint64_t)matrix->rows * sizeof *offset);
    matrix->weights = panels;
    matrix->offset = offset;
    if (panels)
        pack_weights(matrix, t->bytes + at, (size_t)rows, (size_t)cols, panels, offset);
}

void rnne_take_multipliers(rnne_tensors *t, rnne_q_matrix *matrix, uint64_t rows)
{
    matrix->multiplier = rnne_take_factors(t, rows);
}

void rnne_take_start(rnne_tensors *t, rnne_q_matrix *matrix, uint64_t rows, uint64_t n)
{
    const uint64_t at = next(t, 4 * n);
    int32_t *const start = take(t, rows);
    check_words(t, at, n, -LARGEST_BIAS, LARGEST_BIAS);
    matrix->start = start;
    for (size_t i = 0; start && i < n; i++)
        start[rows - n + i] = get_i32(t->bytes + at + 4 * i);
}
