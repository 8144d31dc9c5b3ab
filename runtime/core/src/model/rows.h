/* SPDX-License-Identifier: MIT */
/*
 * Steps of a model of `w8a16.v1`: rows that go through the layers together, each one step.  They
 * belong to different streams or are successive steps of one.  A stream's state lies together
 * (lanes 1); in it h is int16, c and the state of a gru int32, what is computed in float float.
 */
#ifndef RNNE_ROWS_H
#define RNNE_ROWS_H

#include "block.h"

typedef struct rnne_rows {
    rnne_block block; /* of one lane, for the layers in float; its y is that of all rows */
    float **states;   /* [capacity] state of each row's stream */
    float *x;         /* [capacity][input_floats] model input, held and clipped */
    int32_t *inputs;  /* [capacity][input_floats] its integers, where the first layer takes them */
    float *real[2];   /* [capacity][value_floats] between layers, by turns */
    int16_t *q[2];    /* [capacity][rnne_q_padded(value_floats)] likewise */
    int32_t *sums[2]; /* [capacity][num_sums] */
    int32_t *wide;    /* [capacity][value_floats] outputs of 32 bits, of an add_last */
    uint8_t *bytes;   /* [capacity][byte_count] */
    const int16_t **operands; /* [capacity] of a product, within a layer */
    const int16_t **z; /* [capacity] what the last layer gave, where it is integer or folded */

    /*
     * Of a graph the values of a row lie in real[0], `wide` and this, each where its layer says; q[0]
     * is what a layer works in, q[1] where its output goes.
     */
    int16_t *values; /* [capacity][rnne_q_padded(value_floats)] */
} rnne_rows;

/* Some rows of one layer's step. */
typedef struct rnne_span {
    size_t first, n;
    int from, to;    /* buffers q that its input may be in, and that its output goes to */
    int is_sequence; /* all have the same state, and follow one another */
} rnne_span;

static inline int16_t *rnne_q_row(const rnne_rows *rows, int buffer, size_t j)
{
    return rows->q[buffer] + j * rnne_q_padded(rows->block.model->value_floats);
}

static inline int32_t *rnne_sum_row(const rnne_rows *rows, int buffer, size_t j)
{
    return rows->sums[buffer] + j * rows->block.model->num_sums;
}

static inline const int32_t *rnne_input_row(const rnne_rows *rows, size_t j)
{
    return rows->inputs + j * rows->block.model->input_floats;
}

/* Where in a row of a graph's values value i begins that a layer reads. */
static inline size_t rnne_read_at(const rnne_rows *rows, const rnne_layer *layer, size_t i)
{
    const int32_t from = layer->reads[i];
    return from < 0 ? 0 : rows->block.model->layers[from].value_at;
}

static inline const int16_t *rnne_rows_read(const rnne_rows *rows, const rnne_layer *layer,
                                            size_t i, size_t j)
{
    return rows->values + j * rnne_q_padded(rows->block.model->value_floats) +
           rnne_read_at(rows, layer, i);
}

/* NULL where it is not carried wide. */
static inline const int32_t *rnne_rows_read_wide(const rnne_rows *rows, const rnne_layer *layer,
                                                 size_t i, size_t j)
{
    const rnne_model *const model = rows->block.model;
    const int32_t from = layer->reads[i];
    if (from < 0 || !model->layers[from].is_wide)
        return NULL;
    return rows->wide + j * model->value_floats + rnne_read_at(rows, layer, i);
}

/* Where a wide layer puts its value. */
static inline int32_t *rnne_rows_wide(const rnne_rows *rows, const rnne_layer *layer, size_t j)
{
    return rows->wide + j * rows->block.model->value_floats + layer->value_at;
}

/* h, or d, of row j. */
static inline void *rnne_h_of(const rnne_rows *rows, const rnne_layer *layer, size_t j)
{
    return rows->states[j] + layer->h_at;
}

#endif
