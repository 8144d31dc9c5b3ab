/* SPDX-License-Identifier: MIT */
/*
 * Streams that lie side by side, and one step of all of them: a stream is a block of one lane, a
 * fleet is made of blocks of RNNE_BLOCK lanes.  Value i of lane l is at [i * lanes + l].
 */
#ifndef RNNE_BLOCK_H
#define RNNE_BLOCK_H

#include "arena.h"
#include "model.h"

typedef struct rnne_block {
    const rnne_model *model;
    size_t lanes;
    const rnne_kernels *kernels; /* of the products and cells */
    float *state;                /* [state_floats][lanes] */
    float *x;                    /* [input_floats][lanes], held and clipped, then as held */
    float *values[2];            /* [value_floats][lanes], between layers, by turns */
    float *gates;                /* [gate_floats][lanes], then n of a GRU or m of an LSTM */
    uint64_t num_unknown_tokens;
} rnne_block;

/* A layer's input and output in one step of `lanes` streams. */
typedef struct rnne_values {
    size_t lanes;
    float *state;   /* [state_floats][lanes] */
    const float *x; /* [input_floats][lanes] model input */
    const float *z; /* [input_size][lanes] */
    float *out;     /* [padded output_size][lanes] */
} rnne_values;

/* Takes the memory of all but the state. */
void rnne_block_take(rnne_block *block, const rnne_model *model, size_t lanes, rnne_arena *arena);

/* Where n_in and n_rec, or m, lie behind the gates of a layer, in floats of one lane. */
size_t rnne_gates_end(const rnne_layer *layer);

/* The output of a layer that is no product.  Adds to *num_unknown_tokens. */
void rnne_stateless(const rnne_layer *layer, const rnne_kernels *kernels,
                    const rnne_values *values, uint64_t *num_unknown_tokens);

/* The values that the first layer takes: x itself, or x flushed into out. */
const float *rnne_first_values(const rnne_model *model, size_t lanes, const float *x, float *out);

/*
 * One layer from z to `out` or, where it has a state, into that; returns where its output is.  The
 * kernels of a block of one lane read whole vectors of z.
 */
const float *rnne_block_layer(rnne_block *block, const rnne_layer *layer, const float *z,
                              float *out);

/*
 * One step of all lanes from block->x.  Returns y [O][lanes], which stays until the next step.
 */
const float *rnne_block_step(rnne_block *block);

/* ---- input.c: from readings to block->x ---- */

/* Finite, and within the range of its feature. */
int rnne_is_plausible(const rnne_feature *feature, float value);

/* Whether a reading of x [I] is missing, or not plausible, that the model rejects. */
int rnne_is_rejected(const rnne_model *model, const float *x);

/*
 * Fills a column of `to` ([input_floats][lanes]) with x [I], held and clipped, and where layers
 * take it as held; held: column of the held readings [F][lanes].
 */
void rnne_accept(const rnne_model *model, const float *x, float *held, float *to, size_t lanes);

/* ---- state.c: one stream in a state of `lanes` lanes ---- */

typedef struct rnne_lane {
    const rnne_model *model;
    float *state; /* of the stream's first value */
    size_t lanes;
    uint64_t *num_steps;
} rnne_lane;

void rnne_lane_reset(const rnne_lane *lane);
void rnne_lane_get(const rnne_lane *lane, float *values);
void rnne_lane_set(const rnne_lane *lane, const float *values, uint64_t num_steps);
rnne_status rnne_lane_snapshot(const rnne_lane *lane, void *snapshot, size_t nbytes);
rnne_status rnne_lane_restore(const rnne_lane *lane, const void *snapshot, size_t nbytes,
                              rnne_error *error);

#endif
