/* SPDX-License-Identifier: MIT */
/* Reading section MODL, and packing section WGTS. */
#ifndef RNNE_LAYOUT_H
#define RNNE_LAYOUT_H

#include "arena.h"
#include "file.h"
#include "model.h"

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
    uint64_t sum_ints, byte_count;
    int takes_readings; /* a layer takes them before the clip */
    int holds_readings; /* as in rnne_model */
} rnne_layout;

/*
 * Checks all of MODL, and the size of WGTS.
 *
 * layers: [num_layers] filled in, or NULL.
 */
rnne_status rnne_layout_read(const rnne_file *file, rnne_layout *layout, rnne_layer *layers,
                             rnne_error *error);

/* A place between two layers. */
typedef struct rnne_cursor {
    size_t at;     /* in the section */
    uint32_t size; /* values that the layer before gives, or I */
    int is_start, is_after_integer;
    int is_after_changes; /* behind a first layer that is an integer difference */
} rnne_cursor;

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

/*
 * One layer as the file gives it; *at moves behind it.
 *
 * size: values that the layer before gives.
 */
rnne_status rnne_layer_read(const rnne_section *model, const rnne_layout *layout, size_t *at,
                            uint32_t size, rnne_layer *layer, rnne_error *error);

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

/* ---- parts.c ---- */

/*
 * Sets is_first, is_last and is_input of a layer of `w8a16.v1`, and checks that its part is the
 * one that docs/numerics.md gives it.
 *
 * before: the place before it.
 * has_float: whether any layer before it is in float.
 * next: what follows it in MODL, [nbytes].
 */
int rnne_has_right_part(rnne_layer *layer, const rnne_cursor *before, int has_float,
                        const uint8_t *next, size_t nbytes);

/* ---- int_layer.c ---- */

/* Where the tensors of a layer of `w8a16.v1` are, in bytes from its first in WGTS. */
typedef struct rnne_int_map {
    uint64_t shift, rate, step, low, high, turn_gain, turn_offset; /* conversion before it */
    uint64_t reading_low, reading_high;                            /* likewise */
    uint64_t floats;                                               /* all of a float layer */
    uint64_t weight[3], multiplier[3], bias, bias_hn, gain, source_gain, bits;
    uint64_t change_low, change_high, drop;
    uint64_t out_step, out_offset; /* conversion behind it */
    uint64_t nbytes;
} rnne_int_map;

rnne_int_map rnne_int_map_of(const rnne_layer *layer, uint32_t num_derived);

/* Columns and rows of matrix i (see rnne_int_layer); no rows: there is none. */
void rnne_int_matrix_size(const rnne_layer *layer, int i, uint64_t *rows, uint64_t *cols);

/* Checks every range; *at is then the byte from the first of the layer. */
int rnne_int_layer_is_valid(const rnne_layer *layer, uint32_t num_derived, const uint8_t *bytes,
                            uint64_t *at);

/* ---- int_pack.c ---- */

/* As rnne_layer_pack(), for any layer of `w8a16.v1`; inputs: filled in by the first layer. */
void rnne_int_layer_pack(rnne_layer *layer, uint32_t num_derived, rnne_arena *arena,
                         const uint8_t *bytes, rnne_int_inputs *inputs);

#endif
