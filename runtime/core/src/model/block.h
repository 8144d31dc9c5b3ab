/* SPDX-License-Identifier: MIT */
/*
 * Streams that lie side by side, and one step of all of them: a stream is a block of one lane, a
 * fleet is made of blocks of RNNE_BLOCK lanes.  Value i of lane l is at [i * lanes + l].
 */
#ifndef RNNE_BLOCK_H
#define RNNE_BLOCK_H

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

#endif
