/* SPDX-License-Identifier: MIT */
/*
 * In which order the layers of a graph are computed, and where their values lie.  A part of a value
 * is not copied: a select of neighbours lies in what it reads, and what a concat reads is written
 * where the concat wants it, if it may be.
 */
#include "graph.h"

#include "../base/status.h"
#include "../layers/kinds.h"

enum { END = RNNE_MAX_LAYERS - 1 };

typedef struct plan {
    const rnne_layout *layout;
    rnne_layer *layers;
    uint32_t num_layers;
} plan;

static int is_memory(const rnne_layer *layer)
{
    return layer->has_next;
}

/* BEFORE where no memory is in what it reads; LOOP where it also leads to a memory. */
static void find_parts(const plan *p)
{
    uint8_t leads[RNNE_MAX_LAYERS] = {0};
    for (uint32_t k = 0; k < p->num_layers; k++) {
        rnne_layer *const layer = &p->layers[k];
        layer->part = is_memory(layer) ? RNNE_PART_BEHIND : RNNE_PART_BEFORE;
        for (uint32_t i = 0; i < layer->num_reads; i++)
            if (layer->reads[i] >= 0 && p->layers[layer->reads[i]].part != RNNE_PART_BEFORE)
                layer->part = RNNE_PART_BEHIND;
        if (is_memory(layer))
            leads[k] = leads[layer->words[0]] = 1;
    }
    for (uint32_t k = p->num_layers; k-- > 0;) {
        rnne_layer *const layer = &p->layers[k];
        if (!leads[k])
            continue;
        if (layer->part != RNNE_PART_BEFORE)
            layer->part = RNNE_PART_LOOP;
        for (uint32_t i = 0; i < layer->num_reads; i++)
            if (layer->reads[i] >= 0)
                leads[layer->reads[i]] = 1;
    }
}

/* Part after part.  order[k]: as which layer k is computed. */
static void find_turns(const plan *p, uint8_t *order)
{
    uint32_t turn = 0;
    for (int part = RNNE_PART_BEFORE; part <= RNNE_PART_BEHIND; part++)
        for (uint32_t k = 0; k < p->num_layers; k++)
            if ((int)p->layers[k].part == part) {
                p->layers[turn].turn = (uint8_t)k;
                order[k] = (uint8_t)turn++;
            }
}

static void find_slices(const plan *p)
{
    for (uint32_t k = 0; k < p->num_layers; k++) {
        rnne_layer *const layer = &p->layers[k];
        layer->root = (uint8_t)k;
        layer->is_slice = layer->kind == &rnne_kind_select;
        for (uint32_t i = 1; layer->is_slice && i < layer->num_words; i++)
            layer->is_slice = layer->words[i] == layer->words[0] + i;
        if (layer->is_slice && layer->reads[0] >= 0)
            layer->root = p->layers[layer->reads[0]].root;
    }
}

/*
 * Whether read i of a concat, which begins at `offset`, can be written there: it is in no other place,
 * and what lies just before it is computed earlier, because kernels write whole vectors.
 */
static int fits_in_place(const plan *p, const rnne_layer *concat, uint32_t k, uint32_t i,
                         uint32_t offset, const uint8_t *order)
{
    const int32_t from = concat->reads[i];
    if (from < 0 || p->layers[from].root != from || p->layers[from].is_slice ||
        p->layers[from].kind == &rnne_kind_concat)
        return 0;
    uint32_t at = offset;
    while (i-- > 0 && offset - at < RNNE_PANEL_STEP) {
        const int32_t other = concat->reads[i];
        if (other >= 0 && p->layers[other].root == k && order[other] > order[from])
            return 0;
        at -= other < 0 ? p->layout->num_features + 2 * p->layout->num_derived
                        : p->layers[other].output_size;
    }
    return 1;
}

static void join_parts(const plan *p, const uint8_t *order)
{
    for (uint32_t k = 0; k < p->num_layers; k++) {
        rnne_layer *const concat = &p->layers[k];
        uint32_t offset = 0;
        for (uint32_t i = 0; concat->kind == &rnne_kind_concat && i < concat->num_reads; i++) {
            const int32_t from = concat->reads[i];
            if (fits_in_place(p, concat, k, i, offset, order)) {
                p->layers[from].root = (uint8_t)k;
                p->layers[from].offset = offset;
            }
            offset += from < 0 ? p->layout->num_features + 2 * p->layout->num_derived
                               : p->layers[from].output_size;
        }
    }
}

/* What needs each value: layers that read it and, to the end of the step, memories. */
static void find_last(const plan *p, const uint8_t *order)
{
    rnne_layer *const layers = p->layers;
    for (uint32_t k = 0; k < p->num_layers; k++)
        layers[k].last = order[k];
    layers[p->num_layers - 1].last = END;
    for (uint32_t k = 0; k < p->num_layers; k++) {
        if (is_memory(&layers[k]))
            layers[layers[k].words[0]].last = END;
        for (uint32_t i = 0; i < layers[k].num_reads; i++) {
            const int32_t from = layers[k].reads[i];
            if (from >= 0 && layers[from].last < order[k])
                layers[from].last = order[k];
        }
    }
    for (uint32_t k = p->num_layers; k-- > 0;) {
        rnne_layer *value = &layers[k];
        const uint8_t last = value->last;
        while (value->is_slice && value->reads[0] >= 0) {
            value = &layers[value->reads[0]];
            value->last = value->last < last ? last : value->last;
        }
        value = &layers[value->root];
        value->last = value->last < last ? last : value->last;
    }
}

static uint32_t end_of(const rnne_layer *value)
{
    return value->place + value->row_size;
}

/* The first place from `start` on where a value overlaps none that is in use. */
static uint32_t free_place(const plan *p, const rnne_layer *value, const uint8_t *is_placed,
                           uint32_t turn, uint32_t start)
{
    uint32_t place = start, j = 0;
    while (j < p->num_layers) {
        const rnne_layer *const other = &p->layers[j];
        if (is_placed[j] && other->last >= turn && other->place < place + value->row_size &&
            place < end_of(other)) {
            place = end_of(other);
            j = 0;
        } else {
            j++;
        }
    }
    return place;
}

/* Behind the last part of a concat a kernel may write up to a whole vector. */
static void find_row_size(rnne_layer *layer)
{
    const size_t behind = layer->kind == &rnne_kind_concat ? RNNE_PANEL_STEP - 1 : 0;
    layer->row_size = (uint32_t)rnne_padded(layer->output_size + behind);
}

static void find_loop(const plan *p, rnne_layout *layout)
{
    while (layout->loop_at < p->num_layers &&
           p->layers[p->layers[layout->loop_at].turn].part == RNNE_PART_BEFORE)
        layout->loop_at++;
    layout->loop_end = layout->loop_at;
    while (layout->loop_end < p->num_layers &&
           p->layers[p->layers[layout->loop_end].turn].part == RNNE_PART_LOOP)
        layout->loop_end++;
}

/*
 * From which turn on a value that is first written in `turn` has its place for itself.  The loop is
 * computed row by row: what is there before it is needed until its last row has ended, what is needed
 * behind it stays while further rows are computed.
 */
static uint32_t first_turn(const rnne_layout *layout, rnne_layer *value, uint32_t turn)
{
    const uint32_t loop_at = layout->loop_at, loop_end = layout->loop_end;
    if (turn < loop_at && value->last >= loop_at && value->last < loop_end)
        value->last = (uint8_t)(loop_end - 1);
    return turn >= loop_at && turn < loop_end && value->last >= loop_end ? loop_at : turn;
}

rnne_status rnne_graph_plan(rnne_layout *layout, rnne_layer *layers, rnne_error *error)
{
    const plan p = {layout, layers, layout->num_layers};
    const uint32_t num_inputs = layout->num_features + 2 * layout->num_derived;
    const uint32_t start = (uint32_t)rnne_padded(num_inputs); /* behind the flushed input */
    uint8_t order[RNNE_MAX_LAYERS], is_placed[RNNE_MAX_LAYERS] = {0};
    uint32_t all = start;
    find_parts(&p);
    find_turns(&p, order);
    find_slices(&p);
    join_parts(&p, order);
    find_last(&p, order);
    find_loop(&p, layout);
    for (uint32_t k = 0; k < p.num_layers; k++)
        find_row_size(&layers[k]);
    for (uint32_t turn = 0; turn < p.num_layers; turn++) {
        const uint32_t root = layers[layers[turn].turn].root;
        if (layers[layers[turn].turn].is_slice || is_placed[root])
            continue;
        const uint32_t first = first_turn(layout, &layers[root], turn);
        layers[root].place = free_place(&p, &layers[root], is_placed, first, start);
        is_placed[root] = 1;
        all = end_of(&layers[root]) > all ? end_of(&layers[root]) : all;
        if (all > RNNE_MAX_GRAPH_FLOATS)
            return rnne_fail(error, RNNE_TOO_LARGE, 0);
    }
    for (uint32_t k = 0; k < p.num_layers; k++) {
        layers[k].place = layers[layers[k].root].place;
        layers[k].row_size = layers[layers[k].root].row_size;
    }
    layout->value_floats = all;
    return RNNE_OK;
}
