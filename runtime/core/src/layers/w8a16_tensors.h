/* SPDX-License-Identifier: MIT */
/*
 * The tensors of a layer of `w8a16.v1` in WGTS.  One walk over them, in the order of the file, serves
 * three purposes: it counts bytes, checks the ranges of the values, or copies them into the layout of
 * the kernels.  What is taken is NULL but in the last.
 */
#ifndef RNNE_W8A16_TENSORS_H
#define RNNE_W8A16_TENSORS_H

#include "../base/arena.h"
#include "../model/model.h"

typedef struct rnne_tensors {
    const uint8_t *bytes; /* of the layer; NULL: they are only counted */
    rnne_arena *arena;    /* NULL: they are checked; may itself only count */
    uint64_t at;          /* of the next one */
    int is_invalid;
    uint64_t fault_at; /* of the first value out of its range */
} rnne_tensors;

/* n words from low to high; floats that are zero or of a magnitude from 2^-50 to 2^100. */
const int32_t *rnne_take_words(rnne_tensors *t, uint64_t n, int32_t low, int32_t high);
const float *rnne_take_floats(rnne_tensors *t, uint64_t n);

/* n values of 16 bits, none of them -2^15. */
const int32_t *rnne_take_halves(rnne_tensors *t, uint64_t n);

/* n values of 16 bits likewise, as they are. */
const int16_t *rnne_take_shorts(rnne_tensors *t, uint64_t n);

/* Of a graph: n gains, and how far what they multiply is shifted. */
const int32_t *rnne_take_gains(rnne_tensors *t, uint64_t n);
int rnne_take_places(rnne_tensors *t);

/* Gain and places of a layer that has one of each n values. */
void rnne_take_port(rnne_layer *layer, rnne_tensors *t, uint64_t n);

/* Fraction bits of the state of a layer of a graph. */
int rnne_take_state_bits(rnne_tensors *t);

/* One word. */
int rnne_take_bits(rnne_tensors *t, int32_t low, int32_t high);

/* Of the last two tensors, n values of 4 or 2 bytes each, the first is nowhere above the second. */
void rnne_check_ordered(rnne_tensors *t, uint64_t n, uint64_t width);

const int8_t *rnne_take_table(rnne_tensors *t, uint64_t rows, uint64_t cols);

/* The same, but sums are along columns; and multipliers, and a bias of each. */
const int8_t *rnne_take_columns(rnne_tensors *t, uint64_t rows, uint64_t cols);
const int32_t *rnne_take_factors(rnne_tensors *t, uint64_t n);
const int32_t *rnne_take_bias(rnne_tensors *t, uint64_t n);

/* Of a matrix, in this order: weights, multipliers, and as `start` n words for the last rows. */
void rnne_take_weights(rnne_tensors *t, rnne_q_matrix *matrix, uint64_t rows, uint64_t cols);
void rnne_take_multipliers(rnne_tensors *t, rnne_q_matrix *matrix, uint64_t rows);
void rnne_take_start(rnne_tensors *t, rnne_q_matrix *matrix, uint64_t rows, uint64_t n);

#endif
