/* SPDX-License-Identifier: MIT */
#ifndef RNNE_W8A16_TENSORS_H
#define RNNE_W8A16_TENSORS_H

#include "../model/model.h"

/* Where the tensors of a layer of `w8a16.v1` are, in bytes from its first in WGTS. */
typedef struct rnne_q_map {
    uint64_t shift, rate, step, low, high, turn_gain, turn_offset; /* conversion before it */
    uint64_t reading_low, reading_high;                            /* likewise */
    uint64_t floats;                                               /* all of a float layer */
    uint64_t weight[3], multiplier[3], bias, bias_hn, gain, source_gain, bits;
    uint64_t change_low, change_high, drop;
    uint64_t out_step, out_offset; /* conversion behind it */
    uint64_t nbytes;
} rnne_q_map;

rnne_q_map rnne_q_map_of(const rnne_layer *layer, uint32_t num_derived);

/* Columns and rows of matrix i (see rnne_q_layer); no rows: there is none. */
void rnne_q_matrix_size(const rnne_layer *layer, int i, uint64_t *rows, uint64_t *cols);

#endif
