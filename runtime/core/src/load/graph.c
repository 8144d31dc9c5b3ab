/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum { INPUT = -1, OUTPUT_SIZE_AT = 12, MAX_FLOATS = 1 << 20, UNIT = RNNE_PANEL_STEP };

/* What layer k, one before those that are being read, gives. */
static uint32_t size_of(const rnne_section *model, const rnne_layout *layout, uint32_t k)
{
    return rnne_get_u32(model->bytes + layout->layer_at[k] + OUTPUT_SIZE_AT);
}

/* A number and then as many of 4 bytes, from *at, which moves behind them. */
static rnne_status read_list(const rnne_section *model, size_t *at, uint32_t *count,
                             const uint8_t **list, rnne_error *error)
{
    if (model->nbytes - *at < 4)
        return rnne_fail(error, RNNE_TRUNCATED, model->offset + *at);
    *count = rnne_get_u32(model->bytes + *at);
    *at += 4;
    if ((model->nbytes - *at) / 4 < *count)
        return rnne_fail(error, RNNE_TRUNCATED, model->offset + *at);
    *list = model->bytes + *at;
    *at += 4 * (size_t)*count;
    return RNNE_OK;
}

static int has_fitting_count(const rnne_layer *layer)
{
    switch (layer->kind->reading) {
    case RNNE_READS_ONE: return layer->num_reads == 1;
    case RNNE_READS_PAIR: return layer->num_reads == 2;
    case RNNE_READS_MANY: return layer->num_reads >= 1;
    case RNNE_READS_NONE: return layer->num_reads == 0;
    }
    return 0;
}

/* Whether it reads earlier layers of the right sizes. */
static int has_fitting_reads(const rnne_section *model, const rnne_layout *layout, uint32_t k,
                             const rnne_layer *layer)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < layer->num_reads; i++) {
        const uint32_t from = rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
        if (from != (uint32_t)INPUT && from >= k)
            return 0;
        const uint32_t size = from == (uint32_t)INPUT
                                  ? layout->num_features + 2 * layout->num_derived
                                  : size_of(model, layout, from);
        if (layer->kind->reading != RNNE_READS_MANY && size != layer->input_size)
            return 0;
        sum += size;
    }
    return layer->kind->reading != RNNE_READS_MANY || sum == layer->input_size;
}

static int has_finite_start(const rnne_layer *layer)
{
    for (uint32_t i = layer->num_words - layer->num_start; i < layer->num_words; i++)
        if (!rnne_is_finite(rnne_float_word(layer, i)))
            return 0;
    return 1;
}

rnne_status rnne_graph_read(const rnne_section *model, const rnne_layout *layout, uint32_t k,
                            size_t *at, rnne_layer *layer, rnne_error *error)
{
    const size_t reads_at = *at;
    rnne_status status =
        read_list(model, at, &layer->num_reads, &layer->reads_in_file, error);
    if (status != RNNE_OK)
        return status;
    if (!has_fitting_count(layer) || !has_fitting_reads(model, layout, k, layer))
        return rnne_fail(error, RNNE_BAD_MODEL, model->offset + reads_at);
    const size_t words_at = *at;
    status = read_list(model, at, &layer->num_words, &layer->words_in_file, error);
    if (status != RNNE_OK)
        return status;
    if (layer->kind->check_words ? !layer->kind->check_words(layer) : layer->num_words != 0)
        return rnne_fail(error, RNNE_BAD_MODEL, model->offset + words_at);
    if (!has_finite_start(layer))
        return rnne_fail(error, RNNE_BAD_MODEL, model->offset + words_at);
    return RNNE_OK;
}

/* Where values lie, in units of 16 floats, and the last layer that needs each. */
typedef struct plan {
    uint16_t place[RNNE_MAX_LAYERS], size[RNNE_MAX_LAYERS]; /* size 0: not among the values */
    uint8_t last[RNNE_MAX_LAYERS];
} plan;

/* Fills in what needs each value; the error is at a memory whose next does not fit. */
static rnne_status find_uses(const rnne_section *model, const rnne_layout *layout,
                             rnne_layer *layer, plan *p, rnne_error *error)
{
    const uint32_t end = layout->num_layers - 1;
    rnne_cursor cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k <= end; k++)
        p->last[k] = (uint8_t)k;
    for (uint32_t k = 0; k <= end; k++) {
        rnne_layout_layer(model, layout, &cursor, layer, NULL);
        for (uint32_t i = 0; i < layer->num_reads; i++) {
            const uint32_t from = rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
            if (from != (uint32_t)INPUT && p->last[from] < k)
                p->last[from] = (uint8_t)k;
        }
    }
    cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k <= end; k++) {
        rnne_layout_layer(model, layout, &cursor, layer, NULL);
        if (!layer->has_next)
            continue;
        const uint32_t next = rnne_word(layer, 0);
        if (next > end || size_of(model, layout, next) != layer->output_size)
            return rnne_fail(error, RNNE_BAD_MODEL, model->offset + layout->layer_at[k]);
        p->last[next] = RNNE_MAX_LAYERS - 1;
    }
    for (uint32_t k = 0; k < end; k++)
        if (p->last[k] == k)
            return rnne_fail(error, RNNE_BAD_MODEL, model->offset + layout->layer_at[k]);
    return RNNE_OK;
}

/* The first place behind `start` where value k overlaps none that is in use. */
static uint32_t free_place(const plan *p, uint32_t k, uint32_t start)
{
    uint32_t place = start;
    for (uint32_t j = 0; j < k; j++) {
        const int is_apart =
            place + p->size[k] <= p->place[j] || p->place[j] + (uint32_t)p->size[j] <= place;
        if (p->last[j] < k || is_apart)
            continue;
        place = p->place[j] + (uint32_t)p->size[j];
        j = UINT32_MAX; /* from the first one again */
    }
    return place;
}

rnne_status rnne_graph_plan(const rnne_section *model, rnne_layout *layout, rnne_layer *layer,
                            rnne_layer *layers, rnne_error *error)
{
    plan p;
    const uint32_t num_inputs = layout->num_features + 2 * layout->num_derived;
    const uint32_t start = (uint32_t)rnne_padded(num_inputs) / UNIT; /* behind the flushed input */
    const rnne_status status = find_uses(model, layout, layer, &p, error);
    if (status != RNNE_OK)
        return status;
    rnne_cursor cursor = rnne_layout_start(layout);
    uint32_t all = start;
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const size_t at = model->offset + layout->layer_at[k];
        rnne_layout_layer(model, layout, &cursor, layer, NULL);
        const size_t size =
            layer->kind->holds_output ? 0 : rnne_padded(layer->output_size) / UNIT;
        if (size > MAX_FLOATS / UNIT / 2)
            return rnne_fail(error, RNNE_TOO_LARGE, at);
        p.size[k] = (uint16_t)size;
        const uint32_t place = size ? free_place(&p, k, start) : 0;
        if (place + size >= MAX_FLOATS / UNIT)
            return rnne_fail(error, RNNE_TOO_LARGE, at);
        p.place[k] = (uint16_t)place;
        all = place + (uint32_t)size > all ? place + (uint32_t)size : all;
        if (layers)
            layers[k].value_at = (size_t)place * UNIT;
    }
    layout->value_floats = (uint64_t)all * UNIT;
    if (layout->state_size > MAX_FLOATS)
        return rnne_fail(error, RNNE_TOO_LARGE, model->offset);
    return RNNE_OK;
}

void rnne_graph_pack(rnne_layer *layer, rnne_arena *arena)
{
    if (!layer->is_graph)
        return;
    int32_t *const reads = rnne_arena_take(arena, layer->num_reads * sizeof *reads);
    uint32_t *const words = rnne_arena_take(arena, layer->num_words * sizeof *words);
    for (size_t i = 0; reads && i < layer->num_reads; i++)
        reads[i] = (int32_t)rnne_get_u32(layer->reads_in_file + 4 * i);
    for (size_t i = 0; words && i < layer->num_words; i++)
        words[i] = rnne_word(layer, i);
    layer->reads = reads;
    layer->words = words;
    layer->reads_in_file = layer->words_in_file = NULL;
}
