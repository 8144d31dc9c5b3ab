/* SPDX-License-Identifier: MIT */
/* Reading sections MODL and WGTS. */
#ifndef RNNE_LAYOUT_H
#define RNNE_LAYOUT_H

#include "../layers/w8a16_tensors.h"
#include "file.h"

enum { RNNE_MAX_LAYERS = 256 };

/* Where the parts of MODL are, and what its layers add up to. */
typedef struct rnne_layout {
    int is_integer; /* w8a16.v1 */
    int is_graph;   /* of version 2 of the file */
    int has_float;  /* and has layers in float */
    uint32_t num_features, num_derived, output_size, num_layers;
    size_t features_at, derived_at, layers_at; /* in the section */
    uint32_t num_tensors;                      /* of state */
    uint64_t state_size;                       /* floats of state without padding */
    uint64_t weight_nbytes;                    /* what the layers need of WGTS */
    uint64_t held_at, state_floats, value_floats, gate_floats; /* as in rnne_model */
    uint64_t num_sums, byte_count;
    int takes_readings;              /* a layer takes them before the clip */
    int holds_readings;              /* as in rnne_model */
    uint32_t loop_at, loop_end;      /* as in rnne_model */
    uint16_t sizes[RNNE_MAX_LAYERS]; /* of a graph: what each layer gives */
    uint8_t parts[RNNE_MAX_LAYERS];  /* of a graph in integers: how each is computed (graph_q.h) */
    int converts_input;              /* and integer layers read the model input */
    rnne_layer layer;                /* whichever is being read; on the stack but once */
    rnne_q_inputs inputs;            /* of the layers that were read */
} rnne_layout;

/* A place between two layers. */
typedef struct rnne_cursor {
    size_t at;     /* in the section */
    uint32_t k;    /* number of the layer behind it */
    uint32_t size; /* values that the layer before gives, or I */
    int is_start, is_after_integer;
    int is_after_changes; /* behind a first layer that is an integer difference */
} rnne_cursor;

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

/* What becomes of its missing readings (rnne_policy), and with RNNE_PREDICT what fills them. */
uint32_t rnne_layout_policy(const rnne_file *file, const rnne_layout *layout, size_t i);
rnne_fill rnne_layout_fill(const rnne_file *file, const rnne_layout *layout, size_t i);
rnne_derived rnne_layout_derived(const rnne_section *model, const rnne_layout *layout, size_t i);

/*
 * Walks over all tensors of a layer in WGTS: its own, be they integer or float, and in `w8a16.v1`
 * those of the conversions before and behind it.  inputs: filled in by the first layer.
 */
void rnne_take_layer(rnne_layer *layer, uint32_t num_derived, rnne_q_inputs *inputs,
                     rnne_tensors *tensors);

#endif
