/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "layout.h"

#include "../layers/kinds.h"
#include "../w8a16/w8a16_arithmetic.h"

enum { LARGEST_TURN_GAIN = 32767, LARGEST_TURN_OFFSET = 1 << 29 };

/* Float weights, all finite. */
static void take_floats(rnne_layer *layer, rnne_tensors *t)
{
    const uint64_t at = t->at;
    uint64_t fault_at = 0;
    t->at += 4 * layer->num_floats;
    if (t->arena && layer->kind->pack)
        layer->kind->pack(layer, t->arena, t->bytes + at);
    if (!t->bytes || t->arena || t->is_invalid)
        return;
    while (fault_at < 4 * layer->num_floats &&
           rnne_is_finite(rnne_get_f32(t->bytes + at + fault_at)))
        fault_at += 4;
    t->is_invalid = fault_at < 4 * layer->num_floats ||
                    (layer->kind->check && !layer->kind->check(layer, t->bytes + at, &fault_at));
    t->fault_at = at + fault_at;
}

/* Of a graph: each value has conversions of its own. */
static void take_graph_layer(rnne_layer *layer, rnne_q_inputs *inputs, rnne_tensors *t)
{
    const uint64_t in = layer->num_converted, out = layer->output_size;
    if (in) {
        inputs->shift = rnne_take_floats(t, in);
        inputs->rate = rnne_take_floats(t, in);
    }
    if (layer->role == RNNE_ROLE_FLOAT)
        take_floats(layer, t);
    else if (layer->kind->tensors_g)
        layer->kind->tensors_g(layer, t);
    else if (layer->kind->tensors_q)
        layer->kind->tensors_q(layer, t);
    if (layer->is_first) {
        layer->q.shift = rnne_take_floats(t, out);
        layer->q.rate = rnne_take_floats(t, out);
    }
    if (layer->is_last)
        layer->q.step = rnne_take_floats(t, out);
}

void rnne_take_layer(rnne_layer *layer, uint32_t num_derived, rnne_q_inputs *inputs,
                     rnne_tensors *t)
{
    const uint64_t in = layer->input_size, out = layer->output_size;
    const uint64_t turns = 2 * (uint64_t)num_derived;
    if (layer->is_graph && layer->role != RNNE_ROLE_NONE) {
        take_graph_layer(layer, inputs, t);
        return;
    }
    if (layer->is_input)
        inputs->shift = rnne_take_floats(t, in);
    if (layer->is_first)
        layer->q.rate = rnne_take_floats(t, in);
    if (layer->is_input) {
        inputs->rate = layer->q.rate;
        inputs->step = rnne_take_floats(t, in);
        inputs->low = rnne_take_halves(t, in);
        inputs->high = rnne_take_halves(t, in);
        rnne_check_ordered(t, in, 2);
    }
    if (layer->is_input && layer->holds_readings) {
        inputs->reading_low = rnne_take_words(t, in, -RNNE_LARGEST_READING, RNNE_LARGEST_READING);
        inputs->reading_high = rnne_take_words(t, in, -RNNE_LARGEST_READING, RNNE_LARGEST_READING);
        rnne_check_ordered(t, in, 4);
    }
    if (layer->is_input) {
        inputs->turn_gain = rnne_take_words(t, turns, -LARGEST_TURN_GAIN, LARGEST_TURN_GAIN);
        inputs->turn_offset = rnne_take_words(t, turns, -LARGEST_TURN_OFFSET, LARGEST_TURN_OFFSET);
    }
    if (layer->role == RNNE_ROLE_INTEGER)
        layer->kind->tensors_q(layer, t);
    else if (layer->role != RNNE_ROLE_FOLDED)
        take_floats(layer, t);
    if (layer->is_last) {
        layer->q.step = rnne_take_floats(t, out);
        layer->q.offset = rnne_take_floats(t, out);
    }
}
