/* SPDX-License-Identifier: MIT */
/* Which layers of a graph of `w8a16.v1` are integer, and where its values lie. */
#ifndef RNNE_GRAPH_Q_H
#define RNNE_GRAPH_Q_H

#include "layout.h"

#include "../base/bytes.h"

#define RNNE_GRAPH_INPUT UINT32_MAX /* read in place of a layer: the model input */

/* The layers one after the other; `at` in error is that of the last. */
typedef struct rnne_walk {
    const rnne_section *model;
    rnne_layout *layout;
    rnne_cursor cursor;
    size_t at; /* of the layer, in the file */
    uint32_t k;
} rnne_walk;

static inline rnne_walk rnne_graph_start(const rnne_section *model, rnne_layout *layout)
{
    const rnne_walk w = {model, layout, rnne_layout_start(layout), 0, 0};
    return w;
}

/* The next layer, which was read before and found right, or NULL. */
static inline const rnne_layer *rnne_graph_next(rnne_walk *w)
{
    w->k = w->cursor.k;
    w->at = w->model->offset + w->cursor.at;
    if (w->k == w->layout->num_layers)
        return NULL;
    rnne_layout_layer(w->model, w->layout, &w->cursor, &w->layout->layer, NULL);
    return &w->layout->layer;
}

static inline uint32_t rnne_graph_read_of(const rnne_layer *layer, uint32_t i)
{
    return rnne_get_u32(layer->reads_in_file + 4 * (size_t)i);
}

/* Whether a layer that was just read may be what the file says it is, as far as it alone shows. */
int rnne_graph_has_role(const rnne_layer *layer);

/*
 * Checks that the parts of the layers are those of docs/numerics.md ("Graphs") for what is kept, and
 * fills in layout->parts; for a layout whose layers were all read once.
 */
rnne_status rnne_graph_roles(const rnne_section *model, rnne_layout *layout, rnne_error *error);

/* What follows for layer k from layout->parts. */
void rnne_graph_apply(const rnne_layout *layout, uint32_t k, rnne_layer *layer);

/*
 * Gives each value its place, value_at, so that none lies where one still in use does, and the size of
 * all, value_floats; for a graph that rnne_graph_check() found right.
 *
 * layers: [num_layers] or NULL.
 */
rnne_status rnne_graph_places(const rnne_section *model, rnne_layout *layout, rnne_layer *layers,
                              rnne_error *error);

#endif
