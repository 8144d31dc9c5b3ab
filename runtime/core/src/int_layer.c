/* SPDX-License-Identifier: MIT */
/* Tensors of `w8a16.v1` in WGTS: where they are, and whether their values are in range. */
#include "guard.h"

#include "bytes.h"
#include "integers.h"
#include "layout.h"

enum {
    LARGEST_WEIGHT = 127,
    LARGEST_ROW_SUM = 65536,
    LARGEST_MULTIPLIER = (1 << 30) - 1,
    LARGEST_TABLE_MULTIPLIER = (1 << 23) - 1,
    LARGEST_BIAS = 1 << 28,
    LARGEST_GAIN = 65535,
    LARGEST_FUNCTION_GAIN = 1 << 28,
    LARGEST_TURN_GAIN = 32767,
    LARGEST_TURN_OFFSET = 1 << 29,
    LARGEST_MULTIPLE = 64,
    LARGEST_CHANGE = 1 << 24,
    LARGEST_DROP = 9,
    CELL_BITS_FROM = 15,
    CELL_BITS_TO = 20
};

static uint64_t num_gates(const rnne_layer *layer)
{
    return layer->kind == RNNE_GRU ? 3 : layer->kind == RNNE_LSTM ? 4 : 1;
}

void rnne_int_matrix_size(const rnne_layer *layer, int i, uint64_t *rows, uint64_t *cols)
{
    const int is_recurrent = rnne_is_recurrent(layer);
    *rows = *cols = 0;
    if (i == 0 && layer->kind == RNNE_LINEAR) {
        *rows = layer->output_size;
        *cols = layer->input_size;
    } else if (i < 2 && is_recurrent) {
        *rows = num_gates(layer) * layer->hidden_size;
        *cols = i == 0 ? layer->input_size : layer->output_size;
    } else if (i == 2 && layer->kind == RNNE_LSTM && layer->variant) {
        *rows = layer->output_size;
        *cols = layer->hidden_size;
    }
}

static uint64_t take(rnne_int_map *map, uint64_t nbytes)
{
    const uint64_t at = map->nbytes;
    map->nbytes += (nbytes + 3) / 4 * 4;
    return at;
}

static void map_recurrent(const rnne_layer *layer, rnne_int_map *map)
{
    uint64_t rows[3], cols[3];
    for (int i = 0; i < 3; i++)
        rnne_int_matrix_size(layer, i, &rows[i], &cols[i]);
    map->weight[0] = take(map, rows[0] * cols[0]);
    map->weight[1] = take(map, rows[1] * cols[1]);
    map->multiplier[0] = take(map, 4 * rows[0]);
    map->multiplier[1] = take(map, 4 * rows[1]);
    map->bias = take(map, 4 * rows[0]);
    if (layer->kind == RNNE_GRU)
        map->bias_hn = take(map, 4 * (uint64_t)layer->hidden_size);
    else
        map->bits = take(map, layer->kind == RNNE_RNN ? 4 : 8);
    if (rows[2]) {
        map->weight[2] = take(map, rows[2] * cols[2]);
        map->multiplier[2] = take(map, 4 * rows[2]);
    }
}

static void map_tensors(const rnne_layer *layer, rnne_int_map *map)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    switch (layer->kind) {
    case RNNE_EMBEDDING:
        map->weight[0] = take(map, layer->hidden_size * out);
        map->multiplier[0] = take(map, 4 * (uint64_t)layer->hidden_size);
        break;
    case RNNE_LINEAR:
        map->weight[0] = take(map, out * in);
        map->multiplier[0] = take(map, 4 * out);
        map->bias = take(map, 4 * out);
        break;
    case RNNE_ACTIVATION: map->gain = take(map, 4); break;
    case RNNE_ADD_LAST:
        map->gain = take(map, 4 * out);
        map->source_gain = take(map, 4 * out);
        break;
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM: map_recurrent(layer, map); break;
    case RNNE_DIFFERENCE:
        map->change_low = take(map, 4 * (out - in));
        map->change_high = take(map, 4 * (out - in));
        map->drop = take(map, 4 * (out - in));
        break;
    case RNNE_AFFINE:
    case RNNE_SOFTMAX: break;
    }
}

rnne_int_map rnne_int_map_of(const rnne_layer *layer, uint32_t num_derived)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    rnne_int_map map;
    memset(&map, 0, sizeof map);
    if (layer->is_input)
        map.shift = take(&map, 4 * in);
    if (layer->is_first)
        map.rate = take(&map, 4 * in);
    if (layer->is_input) {
        map.step = take(&map, 4 * in);
        map.low = take(&map, 2 * in);
        map.high = take(&map, 2 * in);
    }
    if (layer->is_input && layer->holds_readings) {
        map.reading_low = take(&map, 4 * in);
        map.reading_high = take(&map, 4 * in);
    }
    if (layer->is_input) {
        map.turn_gain = take(&map, 8 * (uint64_t)num_derived);
        map.turn_offset = take(&map, 8 * (uint64_t)num_derived);
    }
    if (layer->part == RNNE_PART_FLOAT)
        map.floats = take(&map, 4 * rnne_layer_weight_floats(layer));
    else if (layer->part == RNNE_PART_INTEGER)
        map_tensors(layer, &map);
    if (layer->is_last) {
        map.out_step = take(&map, 4 * out);
        map.out_offset = take(&map, 4 * out);
    }
    return map;
}

/* ---- ranges ---- */

typedef struct check {
    const uint8_t *bytes;
    uint64_t at; /* of the value that was looked at last */
} check;

static int32_t get_i32(const uint8_t *at)
{
    const uint32_t bits = rnne_get_u32(at);
    int32_t value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static int are_within(check *c, uint64_t at, uint64_t n, int32_t low, int32_t high)
{
    for (c->at = at; n--; c->at += 4) {
        const int32_t value = get_i32(c->bytes + c->at);
        if (value < low || value > high)
            return 0;
    }
    return 1;
}

/* Zero, or a magnitude of 2^-50 to 2^100; with is_any every finite value. */
static int are_floats(check *c, uint64_t at, uint64_t n, int is_any)
{
    for (c->at = at; n--; c->at += 4) {
        const uint32_t bits = rnne_get_u32(c->bytes + c->at) & 0x7fffffffu;
        if (is_any ? bits >= 0x7f800000u : bits != 0 && (bits < 0x26800000u || bits > 0x71800000u))
            return 0;
    }
    return 1;
}

static int are_weights(check *c, uint64_t at, uint64_t rows, uint64_t cols)
{
    for (uint64_t r = 0; r < rows; r++, at += cols) {
        uint64_t sum = 0;
        c->at = at;
        for (uint64_t k = 0; k < cols; k++) {
            const int byte = c->bytes[at + k], weight = byte > 127 ? byte - 256 : byte;
            sum += (uint64_t)(weight < 0 ? -weight : weight);
            if (weight < -LARGEST_WEIGHT || sum > LARGEST_ROW_SUM)
                return 0;
        }
    }
    return 1;
}

static int are_limits(check *c, uint64_t low_at, uint64_t high_at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        const uint32_t low_bits = rnne_get_u16(c->bytes + low_at + 2 * i);
        const uint32_t high_bits = rnne_get_u16(c->bytes + high_at + 2 * i);
        c->at = low_at + 2 * i;
        /* as offsets from -2^15 */
        if (low_bits == 0x8000u || high_bits == 0x8000u ||
            (low_bits ^ 0x8000u) > (high_bits ^ 0x8000u))
            return 0;
    }
    return 1;
}

static int are_ordered(check *c, uint64_t low_at, uint64_t high_at, uint64_t n)
{
    for (uint64_t i = 0; i < n; i++) {
        c->at = low_at + 4 * i;
        if (get_i32(c->bytes + c->at) > get_i32(c->bytes + high_at + 4 * i))
            return 0;
    }
    return 1;
}

static int are_readings(check *c, const rnne_layer *layer, const rnne_int_map *map)
{
    const uint64_t in = layer->input_size;
    const int32_t largest = RNNE_LARGEST_READING;
    return !layer->holds_readings || (are_within(c, map->reading_low, in, -largest, largest) &&
                                      are_within(c, map->reading_high, in, -largest, largest) &&
                                      are_ordered(c, map->reading_low, map->reading_high, in));
}

static int has_valid_bits(const rnne_layer *layer, check *c, const rnne_int_map *map)
{
    const int is_free = layer->variant == 1; /* relu, or with projection */
    if (!are_within(c, map->bits, 1, is_free ? 0 : RNNE_STATE_BITS, RNNE_STATE_BITS))
        return 0;
    return layer->kind == RNNE_RNN ||
           are_within(c, map->bits + 4, 1, CELL_BITS_FROM, CELL_BITS_TO);
}

static int has_valid_tensors(const rnne_layer *layer, check *c, const rnne_int_map *map)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    const uint64_t hidden = layer->hidden_size;
    if (layer->kind == RNNE_EMBEDDING)
        return are_weights(c, map->weight[0], hidden, out) &&
               are_within(c, map->multiplier[0], hidden, 0, LARGEST_TABLE_MULTIPLIER);
    if (layer->kind == RNNE_ACTIVATION)
        return are_within(c, map->gain, 1, -LARGEST_FUNCTION_GAIN, LARGEST_FUNCTION_GAIN);
    if (layer->kind == RNNE_DIFFERENCE)
        return are_within(c, map->change_low, out - in, -LARGEST_CHANGE, LARGEST_CHANGE) &&
               are_within(c, map->change_high, out - in, -LARGEST_CHANGE, LARGEST_CHANGE) &&
               are_ordered(c, map->change_low, map->change_high, out - in) &&
               are_within(c, map->drop, out - in, 0, LARGEST_DROP);
    if (rnne_is_wide(layer))
        return are_within(c, map->gain, out, -LARGEST_FUNCTION_GAIN, LARGEST_FUNCTION_GAIN) &&
               are_within(c, map->source_gain, out, 1, LARGEST_MULTIPLE);
    if (layer->kind == RNNE_ADD_LAST)
        return are_within(c, map->gain, out, -LARGEST_GAIN, LARGEST_GAIN) &&
               are_within(c, map->source_gain, out, -LARGEST_GAIN, LARGEST_GAIN);
    uint64_t num_biases = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t rows, cols;
        rnne_int_matrix_size(layer, i, &rows, &cols);
        num_biases = i == 0 ? rows : num_biases;
        if (!are_weights(c, map->weight[i], rows, cols) ||
            !are_within(c, map->multiplier[i], rows, 0, LARGEST_MULTIPLIER))
            return 0;
    }
    if (!are_within(c, map->bias, num_biases, -LARGEST_BIAS, LARGEST_BIAS))
        return 0;
    if (layer->kind == RNNE_GRU)
        return are_within(c, map->bias_hn, hidden, -LARGEST_BIAS, LARGEST_BIAS);
    return layer->kind == RNNE_LINEAR || has_valid_bits(layer, c, map);
}

int rnne_int_layer_is_valid(const rnne_layer *layer, uint32_t num_derived, const uint8_t *bytes,
                            uint64_t *at)
{
    const rnne_int_map map = rnne_int_map_of(layer, num_derived);
    const uint64_t in = layer->input_size, out = layer->output_size;
    const uint64_t turns = 2 * (uint64_t)num_derived;
    check c = {bytes, 0};
    int is_valid = !layer->is_first || are_floats(&c, map.rate, in, 0);
    if (is_valid && layer->is_input)
        is_valid =
            are_floats(&c, map.shift, in, 0) && are_floats(&c, map.step, in, 0) &&
            are_limits(&c, map.low, map.high, in) && are_readings(&c, layer, &map) &&
            are_within(&c, map.turn_gain, turns, -LARGEST_TURN_GAIN, LARGEST_TURN_GAIN) &&
            are_within(&c, map.turn_offset, turns, -LARGEST_TURN_OFFSET, LARGEST_TURN_OFFSET);
    if (is_valid && layer->part == RNNE_PART_FLOAT)
        is_valid = are_floats(&c, map.floats, rnne_layer_weight_floats(layer), 1);
    if (is_valid && layer->part == RNNE_PART_FLOAT) {
        uint64_t in_floats = 0;
        is_valid = rnne_changes_are_ordered(layer, bytes + map.floats, &in_floats);
        c.at = is_valid ? c.at : map.floats + in_floats;
    }
    if (is_valid && layer->part == RNNE_PART_INTEGER)
        is_valid = has_valid_tensors(layer, &c, &map);
    if (is_valid && layer->is_last)
        is_valid = are_floats(&c, map.out_step, out, 0) && are_floats(&c, map.out_offset, out, 0);
    *at = c.at;
    return is_valid;
}
