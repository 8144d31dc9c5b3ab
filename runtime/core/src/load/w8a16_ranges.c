/* SPDX-License-Identifier: MIT */
/* Whether the tensors of `w8a16.v1` are in range. */
#include "../base/guard.h"

#include "w8a16_ranges.h"

#include "../base/bytes.h"
#include "../layers/layer.h"
#include "../layers/w8a16_tensors.h"
#include "../w8a16/w8a16_arithmetic.h"

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

static int are_readings(check *c, const rnne_layer *layer, const rnne_q_map *map)
{
    const uint64_t in = layer->input_size;
    const int32_t largest = RNNE_LARGEST_READING;
    return !layer->holds_readings || (are_within(c, map->reading_low, in, -largest, largest) &&
                                      are_within(c, map->reading_high, in, -largest, largest) &&
                                      are_ordered(c, map->reading_low, map->reading_high, in));
}

static int has_valid_bits(const rnne_layer *layer, check *c, const rnne_q_map *map)
{
    const int is_free = layer->variant == 1; /* relu, or with projection */
    if (!are_within(c, map->bits, 1, is_free ? 0 : RNNE_STATE_BITS, RNNE_STATE_BITS))
        return 0;
    return layer->kind == RNNE_RNN ||
           are_within(c, map->bits + 4, 1, CELL_BITS_FROM, CELL_BITS_TO);
}

static int has_valid_tensors(const rnne_layer *layer, check *c, const rnne_q_map *map)
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
        rnne_q_matrix_size(layer, i, &rows, &cols);
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

int rnne_q_layer_is_valid(const rnne_layer *layer, uint32_t num_derived, const uint8_t *bytes,
                          uint64_t *at)
{
    const rnne_q_map map = rnne_q_map_of(layer, num_derived);
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
    if (is_valid && layer->role == RNNE_ROLE_FLOAT)
        is_valid = are_floats(&c, map.floats, rnne_layer_weight_floats(layer), 1);
    if (is_valid && layer->role == RNNE_ROLE_FLOAT) {
        uint64_t in_floats = 0;
        is_valid = rnne_changes_are_ordered(layer, bytes + map.floats, &in_floats);
        c.at = is_valid ? c.at : map.floats + in_floats;
    }
    if (is_valid && layer->role == RNNE_ROLE_INTEGER)
        is_valid = has_valid_tensors(layer, &c, &map);
    if (is_valid && layer->is_last)
        is_valid = are_floats(&c, map.out_step, out, 0) && are_floats(&c, map.out_offset, out, 0);
    *at = c.at;
    return is_valid;
}
