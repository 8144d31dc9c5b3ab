/* SPDX-License-Identifier: MIT */
/* Float weights in the layout of the kernels. */
#ifndef RNNE_PACK_H
#define RNNE_PACK_H

#include "../base/arena.h"
#include "../model/model.h"

/* A tensor [rows][cols] of the file, from row `row` on. */
typedef struct rnne_tensor_at {
    const uint8_t *bytes;
    uint64_t cols;
    uint64_t row;
} rnne_tensor_at;

/* The flushed values of n floats in memory of its own. */
const float *rnne_pack_floats(rnne_arena *arena, const uint8_t *from, uint64_t n);

/*
 * A matrix of `rows` rows over the columns of `in` and then of `rec` (either without bytes: none)
 * and the bias `a` or, where b is given, a + b rounded once.
 */
rnne_matrix rnne_pack_matrix(rnne_arena *arena, uint64_t rows, rnne_tensor_at in,
                             rnne_tensor_at rec, const uint8_t *a, const uint8_t *b);

/* Copies the sources of an add_last or a difference. */
void rnne_pack_sources(rnne_layer *layer, rnne_arena *arena);

#endif
