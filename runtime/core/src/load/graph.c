/* SPDX-License-Identifier: MIT */
#include "graph.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum { INPUT = -1 };

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
    rnne_status status = read_list(model, at, &layer->num_reads, &layer->reads_in_file, error);
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

/* Whether something needs each value but the last: layers that read it, and memories. */
static rnne_status check_uses(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    const uint32_t end = layout->num_layers - 1;
    const rnne_layer *const layer = &layout->layer;
    uint8_t is_used[RNNE_MAX_LAYERS] = {0};
    rnne_cursor cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k <= end; k++) {
        const size_t at = model->offset + cursor.at;
        rnne_layout_layer(model, layout, &cursor, &layout->layer, NULL);
        for (uint32_t i = 0; i < layer->num_reads; i++) {
            const uint32_t from = rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
            if (from != (uint32_t)INPUT)
                is_used[from] = 1;
        }
        if (!layer->has_next)
            continue;
        const uint32_t next = rnne_word(layer, 0);
        if (next > end || layout->sizes[next] != layer->output_size)
            return rnne_fail(error, RNNE_BAD_MODEL, at);
        is_used[next] = 1;
    }
    cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k < end; k++) {
        if (!is_used[k])
            return rnne_fail(error, RNNE_BAD_MODEL, model->offset + cursor.at);
        rnne_layout_layer(model, layout, &cursor, &layout->layer, NULL);
    }
    return RNNE_OK;
}

rnne_status rnne_graph_check(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    if (layout->state_size > RNNE_MAX_GRAPH_FLOATS)
        return rnne_fail(error, RNNE_TOO_LARGE, model->offset);
    return check_uses(model, layout, error);
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
