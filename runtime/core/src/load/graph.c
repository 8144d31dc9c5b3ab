/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum { INPUT = -1, MAX_FLOATS = 1 << 20, UNIT = RNNE_PANEL_STEP };

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
    case RNNE_READS_STEP: return layer->num_reads == 1 + layer->variant;
    case RNNE_READS_NONE: return layer->num_reads == 0;
    }
    return 0;
}

/* Whether it reads earlier layers of the right sizes. */
static int has_fitting_reads(const rnne_layout *layout, uint32_t k, const rnne_layer *layer)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < layer->num_reads; i++) {
        const uint32_t from = rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
        if (from != (uint32_t)INPUT && from >= k)
            return 0;
        const uint32_t size = from == (uint32_t)INPUT
                                  ? layout->num_features + 2 * layout->num_derived
                                  : layout->sizes[from];
        const int is_step = layer->kind->reading == RNNE_READS_STEP && i == 1;
        if (layer->kind->reading != RNNE_READS_MANY && size != (is_step ? 1 : layer->input_size))
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
    if (!has_fitting_count(layer) || !has_fitting_reads(layout, k, layer))
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
    const rnne_layout *layout;
    uint16_t place[RNNE_MAX_LAYERS]; /* NOWHERE: it is not among the values, but in the state */
    uint8_t last[RNNE_MAX_LAYERS];
} plan;

enum { NOWHERE = UINT16_MAX, MAX_PLACE = MAX_FLOATS / UNIT - 1 };

static uint32_t end_of(const plan *p, uint32_t k, uint32_t place)
{
    return place + (uint32_t)(rnne_padded(p->layout->sizes[k]) / UNIT);
}

/* What needs each value: layers that read it and, to the end of the step, memories. */
static rnne_status find_uses(const rnne_section *model, rnne_layout *layout, plan *p,
                             rnne_error *error)
{
    const uint32_t end = layout->num_layers - 1;
    const rnne_layer *const layer = &layout->layer;
    rnne_cursor cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k <= end; k++)
        p->last[k] = (uint8_t)k;
    for (uint32_t k = 0; k <= end; k++) {
        const size_t at = model->offset + cursor.at;
        rnne_layout_layer(model, layout, &cursor, &layout->layer, NULL);
        for (uint32_t i = 0; i < layer->num_reads; i++) {
            const uint32_t from = rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
            if (from != (uint32_t)INPUT && p->last[from] < k)
                p->last[from] = (uint8_t)k;
        }
        if (!layer->has_next)
            continue;
        const uint32_t next = rnne_word(layer, 0);
        if (next > end || layout->sizes[next] != layer->output_size)
            return rnne_fail(error, RNNE_BAD_MODEL, at);
        p->last[next] = RNNE_MAX_LAYERS - 1;
    }
    cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k < end; k++) {
        if (p->last[k] == k)
            return rnne_fail(error, RNNE_BAD_MODEL, model->offset + cursor.at);
        rnne_layout_layer(model, layout, &cursor, &layout->layer, NULL);
    }
    return RNNE_OK;
}

/* The first place from `start` on where value k overlaps none that is in use. */
static uint32_t free_place(const plan *p, uint32_t k, uint32_t start)
{
    uint32_t place = start, j = 0;
    while (j < k) {
        const int is_in_use = p->last[j] >= k && p->place[j] != NOWHERE;
        const uint32_t other = p->place[j], other_end = end_of(p, j, other);
        if (is_in_use && other < end_of(p, k, place) && place < other_end) {
            place = other_end;
            j = 0;
        } else {
            j++;
        }
    }
    return place;
}

rnne_status rnne_graph_plan(const rnne_section *model, rnne_layout *layout, rnne_layer *layers,
                            rnne_error *error)
{
    plan p = {.layout = layout};
    const uint32_t num_inputs = layout->num_features + 2 * layout->num_derived;
    const uint32_t start = (uint32_t)rnne_padded(num_inputs) / UNIT; /* behind the flushed input */
    const rnne_status status = find_uses(model, layout, &p, error);
    if (status != RNNE_OK)
        return status;
    rnne_cursor cursor = rnne_layout_start(layout);
    uint32_t all = start;
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const size_t at = model->offset + cursor.at;
        rnne_layout_layer(model, layout, &cursor, &layout->layer, NULL);
        p.place[k] = NOWHERE;
        if (layout->layer.kind->holds_output)
            continue;
        const uint32_t place = free_place(&p, k, start), end = end_of(&p, k, place);
        if (end > MAX_PLACE)
            return rnne_fail(error, RNNE_TOO_LARGE, at);
        p.place[k] = (uint16_t)place;
        all = end > all ? end : all;
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
