/* SPDX-License-Identifier: MIT */
#include "w8a16_tensors.h"

#include <string.h>

#include "layer.h"

void rnne_q_matrix_size(const rnne_layer *layer, int i, uint64_t *rows, uint64_t *cols)
{
    const int is_recurrent = rnne_is_recurrent(layer);
    *rows = *cols = 0;
    if (i == 0 && layer->kind == RNNE_LINEAR) {
        *rows = layer->output_size;
        *cols = layer->input_size;
    } else if (i < 2 && is_recurrent) {
        *rows = rnne_num_gates(layer) * layer->hidden_size;
        *cols = i == 0 ? layer->input_size : layer->output_size;
    } else if (i == 2 && layer->kind == RNNE_LSTM && layer->variant) {
        *rows = layer->output_size;
        *cols = layer->hidden_size;
    }
}

static uint64_t take(rnne_q_map *map, uint64_t nbytes)
{
    const uint64_t at = map->nbytes;
    map->nbytes += (nbytes + 3) / 4 * 4;
    return at;
}

static void map_recurrent(const rnne_layer *layer, rnne_q_map *map)
{
    uint64_t rows[3], cols[3];
    for (int i = 0; i < 3; i++)
        rnne_q_matrix_size(layer, i, &rows[i], &cols[i]);
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

static void map_tensors(const rnne_layer *layer, rnne_q_map *map)
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

rnne_q_map rnne_q_map_of(const rnne_layer *layer, uint32_t num_derived)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    rnne_q_map map;
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
    if (layer->role == RNNE_ROLE_FLOAT)
        map.floats = take(&map, 4 * rnne_layer_weight_floats(layer));
    else if (layer->role == RNNE_ROLE_INTEGER)
        map_tensors(layer, &map);
    if (layer->is_last) {
        map.out_step = take(&map, 4 * out);
        map.out_offset = take(&map, 4 * out);
    }
    return map;
}
