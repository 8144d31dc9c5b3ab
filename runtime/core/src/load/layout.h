/* SPDX-License-Identifier: MIT */
/* Reading section MODL. */
#ifndef RNNE_LAYOUT_H
#define RNNE_LAYOUT_H

#include "read_layer.h"
#include "segments.h"

/*
 * Checks all of MODL, and the size of WGTS.
 *
 * layers: [num_layers] filled in, or NULL.
 */
rnne_status rnne_layout_read(const rnne_file *file, rnne_layout *layout, rnne_layer *layers,
                             rnne_error *error);

rnne_cursor rnne_layout_start(const rnne_layout *layout);

/*
 * The layer behind the cursor, checked; the cursor moves behind it.
 *
 * layout: of at least the layers before it.
 */
rnne_status rnne_layout_layer(const rnne_section *model, const rnne_layout *layout,
                              rnne_cursor *cursor, rnne_layer *layer, rnne_error *error);

/* The range of plausible readings of feature i: every finite one where the file has none. */
rnne_range rnne_layout_range(const rnne_file *file, size_t i);

/* Feature and derived input i of a section that was checked. */
rnne_feature rnne_layout_feature(const rnne_file *file, const rnne_layout *layout, size_t i);
rnne_derived rnne_layout_derived(const rnne_section *model, const rnne_layout *layout, size_t i);

#endif
