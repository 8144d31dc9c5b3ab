/* SPDX-License-Identifier: MIT */
#ifndef RNNE_LAYER_H
#define RNNE_LAYER_H

#include "../base/arena.h"
#include "../model/model.h"

/* What docs/format.md says of each kind. */
int rnne_has_known_variant(const rnne_layer *layer);
int rnne_has_fitting_sizes(const rnne_layer *layer);

/* Gates of a cell, 1 of an rnn. */
uint64_t rnne_num_gates(const rnne_layer *layer);

/* Floats of a float layer in WGTS. */
uint64_t rnne_layer_weight_floats(const rnne_layer *layer);

/* Whether a difference of float weights has no `low` above its `high`; else where, in bytes. */
int rnne_changes_are_ordered(const rnne_layer *layer, const uint8_t *weights, uint64_t *at);

/* Copies the sources of an add_last or a difference. */
void rnne_layer_take_sources(rnne_layer *layer, rnne_arena *arena);

/*
 * Takes the memory of a layer's packed weights; where the arena has memory, fills it from
 * `weights`, the bytes of the layer in WGTS.
 */
void rnne_layer_pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights);

#endif
