/* SPDX-License-Identifier: MIT */
#include "graph_q.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

/* Bits of layout->parts. */
enum {
    IS_FLOAT = 1,
    IS_WIDE = 2,
    IS_CONVERTED_IN = 4,  /* float, and an integer layer reads it */
    IS_CONVERTED_OUT = 8, /* integer, and a float layer reads it, or it is the output */
    HAS_INTEGER_READER = 16,
    CAN_ADD = 32, /* what it gives may be wide: a sum of two, or something times a memory */
    CAN_SCALE = 64
};

int rnne_graph_has_role(const rnne_layer *layer)
{
    const int has_integers = layer->kind->step_g || layer->kind->step_q;
    if (layer->role == RNNE_ROLE_INTEGER)
        return has_integers && !layer->num_sources && !layer->is_kept;
    return layer->role == RNNE_ROLE_FLOAT;
}

void rnne_graph_apply(const rnne_layout *layout, uint32_t k, rnne_layer *layer)
{
    const int part = layout->parts[k];
    layer->is_first = (part & IS_CONVERTED_IN) != 0;
    layer->is_last = (part & IS_CONVERTED_OUT) != 0;
    layer->is_wide = (part & IS_WIDE) != 0;
    layer->h_is_wide |= layer->is_wide;
    if (k == 0 && layout->converts_input)
        layer->num_converted = layout->num_features + 2 * layout->num_derived;
}

static int is_float(const rnne_layout *layout, uint32_t from)
{
    return from == RNNE_GRAPH_INPUT || (layout->parts[from] & IS_FLOAT);
}

static int reads_float_alone(const rnne_layout *layout, const rnne_layer *layer)
{
    for (uint32_t i = 0; i < layer->num_reads; i++)
        if (!is_float(layout, rnne_graph_read_of(layer, i)))
            return 0;
    return 1;
}

static uint8_t bit_of(rnne_widening widening)
{
    return widening == RNNE_WIDE_SUM ? CAN_ADD : widening == RNNE_WIDE_FACTOR ? CAN_SCALE : 0;
}

static rnne_status find_kept(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer;
    while ((layer = rnne_graph_next(&w)) != NULL) {
        if (layer->has_next && rnne_word(layer, 0) >= layout->num_layers)
            return rnne_fail(error, RNNE_BAD_MODEL, w.at);
        layout->parts[w.k] = (uint8_t)(layer->is_kept || layer->num_sources ? IS_FLOAT : 0);
        if (layer->kind->widening)
            layout->parts[w.k] |= bit_of(layer->kind->widening(layer));
    }
    return RNNE_OK;
}

static void find_readers(const rnne_section *model, rnne_layout *layout)
{
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer;
    for (uint32_t k = 0; k < layout->num_layers; k++)
        layout->parts[k] &= (uint8_t)~HAS_INTEGER_READER;
    while ((layer = rnne_graph_next(&w)) != NULL) {
        if (is_float(layout, w.k))
            continue;
        for (uint32_t i = 0; i < layer->num_reads; i++)
            if (rnne_graph_read_of(layer, i) != RNNE_GRAPH_INPUT)
                layout->parts[rnne_graph_read_of(layer, i)] |= HAS_INTEGER_READER;
        if (layer->has_next)
            layout->parts[rnne_word(layer, 0)] |= HAS_INTEGER_READER;
    }
}

/* Whether a layer is float because others are. */
static int follows(const rnne_layout *layout, uint32_t k, const rnne_layer *layer)
{
    if (layer->has_next)
        return is_float(layout, rnne_word(layer, 0));
    switch (layer->kind->spread) {
    case RNNE_FLOAT_ALONE: break;
    case RNNE_FLOAT_WITH_READS: return reads_float_alone(layout, layer);
    case RNNE_FLOAT_WITH_NEIGHBOURS:
        return reads_float_alone(layout, layer) || !(layout->parts[k] & HAS_INTEGER_READER);
    }
    return 0;
}

static void spread_floats(const rnne_section *model, rnne_layout *layout)
{
    int is_more = 1;
    while (is_more) {
        rnne_walk w = rnne_graph_start(model, layout);
        const rnne_layer *layer;
        is_more = 0;
        find_readers(model, layout);
        while ((layer = rnne_graph_next(&w)) != NULL)
            if (!is_float(layout, w.k) && follows(layout, w.k, layer)) {
                layout->parts[w.k] |= IS_FLOAT;
                is_more = 1;
            }
    }
}

static void find_tokens(const rnne_section *model, rnne_layout *layout)
{
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer;
    while ((layer = rnne_graph_next(&w)) != NULL)
        if (layer->kind->takes_token && !reads_float_alone(layout, layer))
            layout->parts[w.k] |= IS_FLOAT;
}

static rnne_status compare_roles(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer;
    while ((layer = rnne_graph_next(&w)) != NULL)
        if (is_float(layout, w.k) != (layer->role == RNNE_ROLE_FLOAT))
            return rnne_fail(error, RNNE_BAD_MODEL, w.at + 4);
    return RNNE_OK;
}

static void find_conversions(const rnne_section *model, rnne_layout *layout)
{
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer;
    while ((layer = rnne_graph_next(&w)) != NULL) {
        const int takes_floats = is_float(layout, w.k);
        for (uint32_t i = 0; i < layer->num_reads && !layer->kind->takes_token; i++) {
            const uint32_t from = rnne_graph_read_of(layer, i);
            if (from == RNNE_GRAPH_INPUT)
                layout->converts_input |= !takes_floats;
            else if (takes_floats != is_float(layout, from))
                layout->parts[from] |= takes_floats ? IS_CONVERTED_OUT : IS_CONVERTED_IN;
        }
        if (layer->kind->takes_token && takes_floats &&
            !is_float(layout, rnne_graph_read_of(layer, 0)) &&
            rnne_graph_read_of(layer, 0) != RNNE_GRAPH_INPUT)
            layout->parts[rnne_graph_read_of(layer, 0)] |= IS_CONVERTED_OUT;
        if (layer->has_next && takes_floats && !is_float(layout, rnne_word(layer, 0)))
            layout->parts[rnne_word(layer, 0)] |= IS_CONVERTED_OUT;
    }
    if (!is_float(layout, layout->num_layers - 1))
        layout->parts[layout->num_layers - 1] |= IS_CONVERTED_OUT;
}

/* ---- wide values ---- */

/* Layer k: the walk is anew, which costs less memory than where all layers are. */
static const rnne_layer *layer_at(const rnne_section *model, rnne_layout *layout, uint32_t k)
{
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer = rnne_graph_next(&w);
    while (w.k < k)
        layer = rnne_graph_next(&w);
    return layer;
}

static int reads(const rnne_layer *layer, uint32_t from)
{
    for (uint32_t i = 0; i < layer->num_reads; i++)
        if (rnne_graph_read_of(layer, i) == from)
            return 1;
    return 0;
}

/* A memory of a sum that it is part of: it, the sum, and what scales it in between. */
static void widen(const rnne_section *model, rnne_layout *layout, uint32_t memory, uint32_t sum)
{
    const rnne_layer *const total = layer_at(model, layout, sum);
    const uint32_t from[2] = {rnne_graph_read_of(total, 0), rnne_graph_read_of(total, 1)};
    int is_part = from[0] == memory || from[1] == memory;
    for (int i = 0; i < 2; i++) {
        const uint32_t s = from[i];
        if (s == RNNE_GRAPH_INPUT || s <= memory || is_float(layout, s) ||
            !(layout->parts[s] & CAN_SCALE) || !reads(layer_at(model, layout, s), memory))
            continue;
        layout->parts[s] |= IS_WIDE;
        is_part = 1;
    }
    if (is_part) {
        layout->parts[memory] |= IS_WIDE;
        layout->parts[sum] |= IS_WIDE;
    }
}

static void find_wide(const rnne_section *model, rnne_layout *layout)
{
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const rnne_layer *const layer = layer_at(model, layout, k);
        if (layer->has_next && !is_float(layout, k) &&
            (layout->parts[rnne_word(layer, 0)] & CAN_ADD))
            widen(model, layout, k, rnne_word(layer, 0));
    }
}

rnne_status rnne_graph_roles(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    rnne_status status = find_kept(model, layout, error);
    if (status != RNNE_OK)
        return status;
    spread_floats(model, layout);
    find_tokens(model, layout);
    spread_floats(model, layout);
    status = compare_roles(model, layout, error);
    if (status != RNNE_OK)
        return status;
    find_conversions(model, layout);
    find_wide(model, layout);
    return RNNE_OK;
}
