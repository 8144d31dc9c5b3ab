/* SPDX-License-Identifier: MIT */
#include "graph_q.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum { MAX_FLOATS = 1 << 20, UNIT = RNNE_Q_STEP };

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
    rnne_walk w = rnne_graph_start(model, layout);
    const rnne_layer *layer;
    while ((layer = rnne_graph_next(&w)) != NULL) {
        if (p->last[w.k] < w.k)
            p->last[w.k] = (uint8_t)w.k;
        for (uint32_t i = 0; i < layer->num_reads; i++)
            if (rnne_graph_read_of(layer, i) != RNNE_GRAPH_INPUT &&
                p->last[rnne_graph_read_of(layer, i)] < w.k)
                p->last[rnne_graph_read_of(layer, i)] = (uint8_t)w.k;
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
