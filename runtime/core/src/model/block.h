/* SPDX-License-Identifier: MIT */
/*
 * Streams that lie side by side, or steps of one stream: a stream is a block of one lane, a fleet is
 * made of blocks of RNNE_BLOCK lanes, a run has one lane and many rows.  Value i of lane l is at
 * [i * lanes + l].
 */
#ifndef RNNE_BLOCK_H
#define RNNE_BLOCK_H

#include "model.h"

typedef struct rnne_block {
    const rnne_model *model;
    const rnne_kernels *kernels; /* of the products and cells */
    size_t lanes;
    uint64_t num_unknown_tokens;
    float *state;          /* [state_floats][lanes] */
    float *x;              /* [rows][input_floats][lanes], held and clipped, then as held */
    float *values[2];      /* [rows][value_floats][lanes], between layers, by turns */
    float *gates;          /* [gate_floats][lanes] */
    float *sums;           /* of a run: [rows][num_sums] products with a layer's input */
    const float *known[2]; /* those of matrix 0 and 1 in this step, or NULL */
    const float **at;      /* of a graph: [L + 1] the flushed input, then what each layer gave */
    size_t row;            /* of a run of a graph: the row that is computed */
    size_t *row_sizes;     /* [L + 1] floats from one row to the next */

    /* What the last layer gave: value i of row j is y[j * y_stride + i * lanes]. */
    const float *y;
    size_t y_stride;
} rnne_block;

/* What value i that a layer of a graph reads is. */
static inline const float *rnne_block_read(const rnne_block *block, const rnne_layer *layer,
                                           size_t i)
{
    const int32_t from = layer->reads[i] + 1;
    return block->row ? block->at[from] + block->row * block->row_sizes[from] : block->at[from];
}

static inline size_t rnne_block_size(const rnne_block *block, const rnne_layer *layer, size_t i)
{
    const rnne_model *const model = block->model;
    const int32_t from = layer->reads[i];
    return from < 0 ? model->info.input_size : model->layers[from].output_size;
}

/* out[rows] = chain from the bias over x [num_x] and then h [num_h]. */
static inline void rnne_block_product(const rnne_block *block, const rnne_matrix *matrix,
                                      const float *x, size_t num_x, const float *h, size_t num_h,
                                      float *out)
{
    const rnne_operands operands = {0, x, num_x, h, num_h};
    if (block->lanes == 1)
        block->kernels->product(matrix, matrix->bias, &operands, out);
    else
        block->kernels->product_block(matrix, &operands, out);
}

/*
 * The sums of matrix m of a layer, over its input z and then over h [num_h]: in `out`, or where they
 * are known.  A run knows those over z; the chain goes on from there.
 */
static inline const float *rnne_block_sums(const rnne_block *block, const rnne_layer *layer, int m,
                                           const float *z, const float *h, size_t num_h,
                                           float *out)
{
    const rnne_matrix *const matrix = &layer->matrix[m];
    const float *const known = block->known[m];
    if (!known) {
        rnne_block_product(block, matrix, z, layer->input_size, h, num_h, out);
        return out;
    }
    if (num_h) {
        const rnne_operands rest = {layer->input_size, h, num_h, h, 0};
        block->kernels->product(matrix, known, &rest, out);
    }
    return num_h ? out : known;
}

#endif
