/* SPDX-License-Identifier: MIT */
#ifndef RNNE_SIZES_H
#define RNNE_SIZES_H

#include "read_layer.h"

/* What a layer needs while it is computed. */
void rnne_count_work(rnne_layout *layout, const rnne_layer *layer);

/* Adds a layer's weights and state. */
void rnne_count_layer(rnne_layout *layout, rnne_layer *layer);

#endif
