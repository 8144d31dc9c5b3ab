/* SPDX-License-Identifier: MIT */
/* A layer in section MODL. */
#ifndef RNNE_READ_LAYER_H
#define RNNE_READ_LAYER_H

#include "../model/model.h"
#include "file.h"

/* Fields of a layer, and bits of its variant in `w8a16.v1`. */
enum { RNNE_LAYER_NBYTES = 20, RNNE_ROLE_AT = 8, RNNE_ROLE_BITS = 3, RNNE_KEPT_BIT = 1 << 10 };

/* Where the parts of MODL are, and what its layers add up to. */
typedef struct rnne_layout {
    int is_integer; /* w8a16.v1 */
    int has_float;  /* and has layers in float */
    uint32_t num_features, num_derived, output_size, num_layers;
    size_t features_at, derived_at, layers_at; /* in the section */
    uint32_t num_tensors;                      /* of state */
    uint64_t state_size;                       /* floats of state without padding */
    uint64_t weight_nbytes;                    /* what the layers need of WGTS */
    uint64_t held_at, state_floats, value_floats, gate_floats; /* as in rnne_model */
    uint64_t num_sums, byte_count;
    int takes_readings; /* a layer takes them before the clip */
    int holds_readings; /* as in rnne_model */
} rnne_layout;

/*
 * One layer as the file gives it; *at moves behind it.
 *
 * size: values that the layer before gives.
 */
rnne_status rnne_layer_read(const rnne_section *model, const rnne_layout *layout, size_t *at,
                            uint32_t size, rnne_layer *layer, rnne_error *error);

#endif
