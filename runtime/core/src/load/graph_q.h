/* SPDX-License-Identifier: MIT */
/* Which layers of a graph of `w8a16.v1` are integer, and where its values lie. */
#ifndef RNNE_GRAPH_Q_H
#define RNNE_GRAPH_Q_H

#include "layout.h"

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
 * all, value_floats; for a graph that rnne_graph_plan() found right.
 *
 * layers: [num_layers] or NULL.
 */
rnne_status rnne_graph_places(const rnne_section *model, rnne_layout *layout, rnne_layer *layers,
                              rnne_error *error);

#endif
