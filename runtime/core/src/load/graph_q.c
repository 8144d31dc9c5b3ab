/* SPDX-License-Identifier: MIT */
#include "graph_q.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum { INPUT = -1, MAX_FLOATS = 1 << 20, UNIT = RNNE_Q_STEP };

/* Bits of layout->parts. */
enum {
    IS_FLOAT = 1,
    IS_WIDE = 2,
    IS_CONVERTED_IN = 4,  /* float, and an integer layer reads it */
    IS_CONVERTED_OUT = 8, /* integer, and a float layer reads it, or it is the output */
    HAS_INTEGER_READER = 16
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

/* ---- roles ---- */

/* The layers one after the other; `at` in error is that of the last. */
typedef struct walk {
    const rnne_section *model;
    rnne_layout *layout;
    rnne_cursor cursor;
    size_t at; /* of the layer, in the file */
    uint32_t k;
} walk;

static walk start_walk(const rnne_section *model, rnne_layout *layout)
{
    const walk w = {model, layout, rnne_layout_start(layout), 0, 0};
    return w;
}

/* The next layer, which was read before and found right, or NULL. */
static const rnne_layer *next_layer(walk *w)
{
    w->k = w->cursor.k;
    w->at = w->model->offset + w->cursor.at;
    if (w->k == w->layout->num_layers)
        return NULL;
    rnne_layout_layer(w->model, w->layout, &w->cursor, &w->layout->layer, NULL);
    return &w->layout->layer;
}

static uint32_t read_of(const rnne_layer *layer, uint32_t i)
{
    return rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
}

static int is_float(const rnne_layout *layout, uint32_t from)
{
    return from == (uint32_t)INPUT || (layout->parts[from] & IS_FLOAT);
}

static int reads_float_alone(const rnne_layout *layout, const rnne_layer *layer)
{
    for (uint32_t i = 0; i < layer->num_reads; i++)
        if (!is_float(layout, read_of(layer, i)))
            return 0;
    return 1;
}

static rnne_status find_kept(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    walk w = start_walk(model, layout);
    const rnne_layer *layer;
    while ((layer = next_layer(&w)) != NULL) {
        if (layer->has_next && rnne_word(layer, 0) >= layout->num_layers)
            return rnne_fail(error, RNNE_BAD_MODEL, w.at);
        if (layer->is_kept || layer->num_sources)
            layout->parts[w.k] = IS_FLOAT;
    }
    return RNNE_OK;
}

static void find_readers(const rnne_section *model, rnne_layout *layout)
{
    walk w = start_walk(model, layout);
    const rnne_layer *layer;
    for (uint32_t k = 0; k < layout->num_layers; k++)
        layout->parts[k] &= (uint8_t)~HAS_INTEGER_READER;
    while ((layer = next_layer(&w)) != NULL) {
        if (is_float(layout, w.k))
            continue;
        for (uint32_t i = 0; i < layer->num_reads; i++)
            if (read_of(layer, i) != (uint32_t)INPUT)
                layout->parts[read_of(layer, i)] |= HAS_INTEGER_READER;
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
        walk w = start_walk(model, layout);
        const rnne_layer *layer;
        is_more = 0;
        find_readers(model, layout);
        while ((layer = next_layer(&w)) != NULL)
            if (!is_float(layout, w.k) && follows(layout, w.k, layer)) {
                layout->parts[w.k] |= IS_FLOAT;
                is_more = 1;
            }
    }
}

static void find_tokens(const rnne_section *model, rnne_layout *layout)
{
    walk w = start_walk(model, layout);
    const rnne_layer *layer;
    while ((layer = next_layer(&w)) != NULL)
        if (layer->kind->takes_token && !reads_float_alone(layout, layer))
            layout->parts[w.k] |= IS_FLOAT;
}

static rnne_status compare_roles(const rnne_section *model, rnne_layout *layout,
                                 rnne_error *error)
{
    walk w = start_walk(model, layout);
    const rnne_layer *layer;
    while ((layer = next_layer(&w)) != NULL)
        if (is_float(layout, w.k) != (layer->role == RNNE_ROLE_FLOAT))
            return rnne_fail(error, RNNE_BAD_MODEL, w.at + 4);
    return RNNE_OK;
}

static void find_conversions(const rnne_section *model, rnne_layout *layout)
{
    walk w = start_walk(model, layout);
    const rnne_layer *layer;
    while ((layer = next_layer(&w)) != NULL) {
        const int takes_floats = is_float(layout, w.k);
        for (uint32_t i = 0; i < layer->num_reads && !layer->kind->takes_token; i++) {
            const uint32_t from = read_of(layer, i);
            if (from == (uint32_t)INPUT)
                layout->converts_input |= !takes_floats;
            else if (takes_floats != is_float(layout, from))
                layout->parts[from] |= takes_floats ? IS_CONVERTED_OUT : IS_CONVERTED_IN;
        }
        if (layer->kind->takes_token && takes_floats && !is_float(layout, read_of(layer, 0)) &&
            read_of(layer, 0) != (uint32_t)INPUT)
            layout->parts[read_of(layer, 0)] |= IS_CONVERTED_OUT;
        if (layer->has_next && takes_floats && !is_float(layout, rnne_word(layer, 0)))
            layout->parts[rnne_word(layer, 0)] |= IS_CONVERTED_OUT;
    }
    if (!is_float(layout, layout->num_layers - 1))
        layout->parts[layout->num_layers - 1] |= IS_CONVERTED_OUT;
}

/* ---- wide values ---- */

static const rnne_layer *layer_at(const rnne_section *model, rnne_layout *layout,
                                  const uint32_t *at, uint32_t k)
{
    rnne_cursor cursor = rnne_layout_start(layout);
    cursor.at = at[k];
    cursor.k = k;
    rnne_layout_layer(model, layout, &cursor, &layout->layer, NULL);
    return &layout->layer;
}

/* Whether it is a memory times something. */
static int scales(const rnne_layout *layout, const rnne_layer *layer, uint32_t k, uint32_t memory)
{
    int is_read = 0;
    for (uint32_t i = 0; i < layer->num_reads; i++)
        is_read |= read_of(layer, i) == memory;
    return is_read && k > memory && !is_float(layout, k) &&
           (layer->kind == &rnne_kind_affine ||
            (layer->kind == &rnne_kind_combine && layer->variant == RNNE_COMBINE_MULTIPLY));
}

/* A memory of a sum that it is part of: it, the sum, and what scales it in between. */
static void widen(const rnne_section *model, rnne_layout *layout, const uint32_t *at,
                  uint32_t memory, uint32_t sum)
{
    const rnne_layer *layer = layer_at(model, layout, at, sum);
    if (layer->kind != &rnne_kind_combine || layer->variant > RNNE_COMBINE_SUBTRACT)
        return;
    const uint32_t from[2] = {read_of(layer, 0), read_of(layer, 1)};
    int is_part = from[0] == memory || from[1] == memory;
    for (int i = 0; i < 2; i++) {
        if (from[i] == (uint32_t)INPUT)
            continue;
        layer = layer_at(model, layout, at, from[i]);
        if (!scales(layout, layer, from[i], memory))
            continue;
        layout->parts[from[i]] |= IS_WIDE;
        is_part = 1;
    }
    if (is_part) {
        layout->parts[memory] |= IS_WIDE;
        layout->parts[sum] |= IS_WIDE;
    }
}

static void find_wide(const rnne_section *model, rnne_layout *layout)
{
    uint32_t at[RNNE_MAX_LAYERS];
    walk w = start_walk(model, layout);
    while (next_layer(&w))
        at[w.k] = (uint32_t)(w.at - model->offset);
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const rnne_layer *const layer = layer_at(model, layout, at, k);
        if (layer->has_next && !is_float(layout, k))
            widen(model, layout, at, k, rnne_word(layer, 0));
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

/* ---- places ---- */

/* Where values lie, in units of 32, and the last layer that needs each. */
typedef struct plan {
    const rnne_layout *layout;
    uint16_t place[RNNE_MAX_LAYERS];
    uint8_t last[RNNE_MAX_LAYERS];
} plan;

enum { MAX_PLACE = MAX_FLOATS / UNIT };

static uint32_t end_of(const plan *p, uint32_t k, uint32_t place)
{
    return place + (uint32_t)(rnne_q_padded(p->layout->sizes[k]) / UNIT);
}

/* To the end of the step, where a memory takes it. */
static void find_uses(const rnne_section *model, rnne_layout *layout, plan *p)
{
    walk w = start_walk(model, layout);
    const rnne_layer *layer;
    while ((layer = next_layer(&w)) != NULL) {
        if (p->last[w.k] < w.k)
            p->last[w.k] = (uint8_t)w.k;
        for (uint32_t i = 0; i < layer->num_reads; i++)
            if (read_of(layer, i) != (uint32_t)INPUT && p->last[read_of(layer, i)] < w.k)
                p->last[read_of(layer, i)] = (uint8_t)w.k;
        if (layer->has_next)
            p->last[rnne_word(layer, 0)] = RNNE_MAX_LAYERS - 1;
    }
}

/* The first place from `start` on where value k overlaps none that is in use. */
static uint32_t free_place(const plan *p, uint32_t k, uint32_t start)
{
    uint32_t place = start, j = 0;
    while (j < k) {
        const uint32_t other = p->place[j], other_end = end_of(p, j, other);
        if (p->last[j] >= k && other < end_of(p, k, place) && place < other_end) {
            place = other_end;
            j = 0;
        } else {
            j++;
        }
    }
    return place;
}

rnne_status rnne_graph_places(const rnne_section *model, rnne_layout *layout, rnne_layer *layers,
                              rnne_error *error)
{
    plan p = {.layout = layout};
    const uint32_t num_inputs = layout->num_features + 2 * layout->num_derived;
    const uint32_t start = (uint32_t)(rnne_q_padded(num_inputs) / UNIT);
    uint32_t all = start;
    find_uses(model, layout, &p);
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const uint32_t place = free_place(&p, k, start), end = end_of(&p, k, place);
        if (end > MAX_PLACE)
            return rnne_fail(error, RNNE_TOO_LARGE, model->offset);
        p.place[k] = (uint16_t)place;
        all = end > all ? end : all;
        if (layers)
            layers[k].value_at = (size_t)place * UNIT;
    }
    if (layout->value_floats < (uint64_t)all * UNIT)
        layout->value_floats = (uint64_t)all * UNIT;
    return RNNE_OK;
}
