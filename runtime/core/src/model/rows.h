/* SPDX-License-Identifier: MIT */
/*
 * Steps of a model of `w8a16.v1`: rows that go through the layers together, each one step.  They
 * belong to different streams or are successive steps of one.  A stream's state lies together
 * (lanes 1); in it h is int16, c and the state of a gru int32, what is computed in float float.
 */
#ifndef RNNE_ROWS_H
#define RNNE_ROWS_H

#include "block.h"

#define RNNE_MAX_ROWS 32

typedef struct rnne_rows {
    rnne_block block; /* of one lane, for the layers in float */
    size_t capacity;  /* up to RNNE_MAX_ROWS */
    float **states;   /* [capacity] state of each row's stream */
    float *x;         /* [capacity][input_floats] model input, held and clipped */
    int32_t *inputs;  /* [capacity][input_floats] its integers, where the first layer takes them */
    float *real[2];   /* [capacity][value_floats] between layers, by turns */
    int16_t *q[2];    /* [capacity][rnne_q_padded(value_floats)] likewise */
    int32_t *sums[2]; /* [capacity][sum_ints] */
    int32_t *wide;    /* [capacity][value_floats] outputs of 32 bits, of an add_last */
    uint8_t *bytes;   /* [capacity][byte_count] */
    const int16_t **operands; /* [capacity] of a product, within a layer */

    /* What the last layer gave: */
    const int16_t **z; /* [capacity] row j, where it is integer or folded */
    const float *y;    /* row j at y + j * y_stride */
    size_t y_stride;
} rnne_rows;

#endif
