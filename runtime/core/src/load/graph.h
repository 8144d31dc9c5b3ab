/* SPDX-License-Identifier: MIT */
/* What version 2 of the file says of a layer besides, and where the values of a graph lie. */
#ifndef RNNE_GRAPH_H
#define RNNE_GRAPH_H

#include "layout.h"

enum { RNNE_MAX_GRAPH_FLOATS = 1 << 20 };

/*
 * Reads and words of the layer behind the cursor, whose fields and sources are read, from *at,
 * which moves behind them; checked against the layers before it.
 */
rnne_status rnne_graph_read(const rnne_section *model, const rnne_layout *layout, uint32_t k,
                            size_t *at, rnne_layer *layer, rnne_error *error);

/* Checks what memories take, and that every value is used. */
rnne_status rnne_graph_check(const rnne_section *model, rnne_layout *layout, rnne_error *error);

/* Copies reads and words into the arena. */
void rnne_graph_pack(rnne_layer *layer, rnne_arena *arena);

/*
 * The order in which packed layers are computed, and the place of each value, so that none lies
 * where one still in use does; the size of all in layout->value_floats.
 */
rnne_status rnne_graph_plan(rnne_layout *layout, rnne_layer *layers, rnne_error *error);

#endif
