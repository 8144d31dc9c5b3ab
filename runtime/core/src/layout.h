/* SPDX-License-Identifier: MIT */
/* Reading section MODL, and packing section WGTS. */
#ifndef RNNE_LAYOUT_H
#define RNNE_LAYOUT_H

#include "arena.h"
#include "file.h"
#include "model.h"

/* Where the parts of MODL are, and what its layers add up to. */
typedef struct rnne_layout {
    uint32_t num_features, num_derived, output_size, num_layers;
    size_t features_at, derived_at, layers_at; /* in the section */
    uint32_t num_tensors;                      /* of state */
    uint64_t state_size;                       /* floats of state without padding */
    uint64_t weight_floats;                    /* floats the layers need of WGTS */
    uint64_t held_at, state_floats, value_floats, gate_floats; /* as in rnne_model */
} rnne_layout;

/*
 * Checks all of MODL, and the size of WGTS.
 *
 * layers: [num_layers] filled in, or NULL.
 */
rnne_status rnne_layout_read(const rnne_file *file, rnne_layout *layout, rnne_layer *layers,
                             rnne_error *error);

/* Feature and derived input i of a section that was checked. */
rnne_feature rnne_layout_feature(const rnne_section *model, const rnne_layout *layout, size_t i);
rnne_derived rnne_layout_derived(const rnne_section *model, const rnne_layout *layout, size_t i);

/* One layer as the file gives it; *at moves behind it. */
rnne_status rnne_layer_read(const rnne_section *model, size_t *at, uint32_t input_size,
                            uint32_t model_input_size, rnne_layer *layer, rnne_error *error);

/* Floats of the layer in WGTS. */
uint64_t rnne_layer_weight_floats(const rnne_layer *layer);

/*
 * Takes the memory of a layer's packed weights; where the arena has memory, fills it from
 * `weights`, the bytes of the layer in WGTS.
 */
void rnne_layer_pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights);

#endif
