/* SPDX-License-Identifier: MIT */
/*
 * Steps of a model of `w8a16.v1`: rows that go through the layers together, each one step.  They
 * belong to different streams or are successive steps of one.  A stream's state lies together
 * (lanes 1); in it h is int16, c and the state of a gru int32, what is computed in float float.
 */
#ifndef RNNE_INT_ROWS_H
#define RNNE_INT_ROWS_H

#include "block.h"

#define RNNE_MAX_ROWS 32

typedef struct rnne_rows {
    rnne_block block; /* of one lane, for the layers in float */
    size_t capacity;  /* up to RNNE_MAX_ROWS */
    float **states;   /* [capacity] state of each row's stream */
    float *x;         /* [capacity][input_floats] model input, held and clipped */
    int32_t *inputs;  /* [capacity][input_floats] its integers, where the first layer takes them */
    float *real[2];   /* [capacity][value_floats] between layers, by turns */
    int16_t *q[2];    /* [capacity][rnne_int_padded(value_floats)] likewise */
    int32_t *sums[2]; /* [capacity][sum_ints] */
    int32_t *wide;    /* [capacity][value_floats] outputs of 32 bits, of an add_last */
    uint8_t *bytes;   /* [capacity][byte_count] */
    const int16_t **operands; /* [capacity] of a product, within a layer */

    /* What the last layer gave: */
    const int16_t **z; /* [capacity] row j, where it is integer or folded */
    const float *y;    /* row j at y + j * y_stride */
    size_t y_stride;
} rnne_rows;

/* Takes the memory of up to `capacity` rows. */
void rnne_rows_take(rnne_rows *rows, const rnne_model *model, size_t capacity, rnne_arena *arena);

/* Fills row j with the readings x [I]; they become held in the state of the row. */
void rnne_rows_accept(rnne_rows *rows, size_t j, const float *x);

/* As rnne_rows_accept(), with integers. */
void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x);

/* The same, of a model that holds readings before the clip. */
void rnne_rows_accept_q32(rnne_rows *rows, size_t j, const int32_t *x);

/* One step of each row.  is_sequence: all have the same state, and follow one another. */
void rnne_rows_step(rnne_rows *rows, size_t n, int is_sequence);

/* ---- int_readings.c: layers of n rows that take readings before the clip ---- */

/*
 * An add_last that is not clipped, from rows->z to rows->wide: in whole units of the output, so that
 * it is exact however far the reading is.
 */
void rnne_rows_add_readings(const rnne_rows *rows, const rnne_layer *layer, size_t n);

/*
 * A difference, from rows->z to `out`, rows of q.  Its state d: the readings of the step before,
 * then whether there was one.
 */
void rnne_rows_changes(const rnne_rows *rows, const rnne_layer *layer, size_t n, int16_t *out);

/* real[0] = flush(wide * step + offset) */
void rnne_rows_wide_to_float(const rnne_rows *rows, const rnne_layer *layer, size_t n);

/* ---- int_input.c ---- */

/* The float32 value that stands for integer q of model input i. */
float rnne_int_to_reading(const rnne_model *model, size_t i, int32_t q);

/* The integer of a value that is held, 0 where it is not finite. */
int32_t rnne_int_of_held(const rnne_model *model, size_t i, float value);

/* The smallest and the largest integer of feature i that is a plausible reading. */
void rnne_int_range(const rnne_model *model, size_t i, rnne_range range, int32_t *least,
                    int32_t *most);

/* Whether integer x of model input i is a reading: not `missing`, and plausible. */
int rnne_int_is_known(const rnne_model *model, size_t i, int32_t x, int32_t missing);

/* A finite reading as it is kept in `held`; others as they are. */
float rnne_int_held(const rnne_model *model, size_t i, float value);

/* real [n] as integers, behind a float layer: near(real * rate). */
void rnne_int_convert(const float *rate, size_t n, const float *real, int16_t *q);

#endif
