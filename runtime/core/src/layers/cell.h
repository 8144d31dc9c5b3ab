/* SPDX-License-Identifier: MIT */
/* What the recurrent cells have in common, and products in integers. */
#ifndef RNNE_CELL_H
#define RNNE_CELL_H

#include "kinds.h"
#include "pack.h"

/* ---- float ---- */

/*
 * Describes a cell of num_gates gates.  The sums of the first num_joint are over input and state
 * together, and in block->gates; `rows` more vectors of n lie behind them (rnne_behind_gates()).
 */
void rnne_describe_cell(rnne_layer *layer, uint32_t num_gates, uint32_t num_joint, uint32_t rows);

static inline float *rnne_behind_gates(const rnne_block *block, const rnne_layer *layer)
{
    return block->gates + (layer->matrix[0].rows + RNNE_PANEL_STEP) * block->lanes;
}

/* The tensors of a cell: W_ih [rows][in], W_hh [rows][out], b_ih [rows], b_hh [rows]. */
typedef struct rnne_cell_tensors {
    uint64_t rows;
    rnne_tensor_at ih, hh;
    const uint8_t *b_ih, *b_hh;
    const uint8_t *end;
} rnne_cell_tensors;
rnne_cell_tensors rnne_cell_tensors_of(const rnne_layer *layer, const uint8_t *weights);

/* ---- integers ---- */

/* W_ih and W_hh as matrix 0 and 1, the bias as start of 0, the last num_rec of b_hh as that of 1. */
void rnne_cell_tensors_q(rnne_layer *layer, rnne_tensors *tensors, uint64_t num_rec);

/*
 * Sums number `out` of the rows of a span, started from the matrix' own or from sums 0.  x: of the
 * rows from span->first on.
 */
static inline void rnne_rows_product(const rnne_rows *rows, const rnne_q_matrix *matrix,
                                     const rnne_span *span, const int16_t *const *x,
                                     int is_own_start, int out)
{
    const rnne_model *const model = rows->block.model;
    const rnne_q_operands operands = {
        span->n,
        x,
        is_own_start ? matrix->start : rnne_sum_row(rows, 0, span->first),
        is_own_start ? 0 : model->num_sums,
        rnne_sum_row(rows, out, span->first),
        model->num_sums,
        rows->bytes,
    };
    model->q_kernels->product(matrix, &operands);
}

/* rows->z = function(sums 0) [n] of the rows of a span that begins with row 0. */
void rnne_rows_activate(rnne_rows *rows, rnne_function function, size_t n, const rnne_span *span);

/* Sums 1 = sums 0 and the products of matrix 1 with h, int16. */
static inline void rnne_rows_recur(const rnne_rows *rows, const rnne_layer *layer,
                                   const rnne_span *span)
{
    for (size_t j = 0; j < span->n; j++)
        rows->operands[j] = rnne_h_of(rows, layer, span->first + j);
    rnne_rows_product(rows, &layer->q.matrix[1], span, rows->operands, 0, 1);
}

/*
 * One step of a cell: sums 0 with the input of all rows, then the new states by kind->update_q(), of a
 * sequence row by row.  Where h is wide, `narrow` of the kernels makes the output.
 */
void rnne_rows_cell(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span);

#endif
