/* SPDX-License-Identifier: MIT */
/*
 * The kernels of `w8a16.v1` (docs/numerics.md), behind which the instruction set is chosen.
 *
 * Vectors are read and written whole: behind the last value there are 31 more that may be read
 * and, in an output, overwritten.
 */
#ifndef RNNE_W8A16_KERNELS_H
#define RNNE_W8A16_KERNELS_H

#include "../base/cells.inc.h"
#include "../base/panels.h"

#include <stddef.h>
#include <stdint.h>

#define RNNE_QUAD 4    /* columns that lie side by side in a row; cols are multiples of it */
#define RNNE_Q_STEP 32 /* values of a whole vector of int16; padded sizes are multiples of it */

typedef struct rnne_q_matrix {
    const int8_t *weights;     /* [ceil(rows / 64)][cols / 4][width][4]; width as in rnne_matrix */
    const int32_t *multiplier; /* [rows] */
    const int32_t *start;      /* [rows] bias or zeros */
    const int32_t *offset;     /* [rows] -2^15 times the sum of the row's weights */
    size_t rows;               /* a multiple of 16, the last ones zero */
    size_t cols;               /* a multiple of 4, the last ones zero */
} rnne_q_matrix;

/* Model inputs that become integers. */
typedef struct rnne_q_inputs {
    const float *shift, *rate, *step;          /* [I] */
    const int32_t *low, *high;                 /* [I] */
    const int32_t *turn_gain, *turn_offset;    /* [2 D] */
    const int32_t *reading_low, *reading_high; /* [I], where readings are held before the clip */
    const int32_t *least, *most;               /* [F] of plausible readings; NULL: all are */
} rnne_q_inputs;

/* n vectors that one matrix is multiplied with. */
typedef struct rnne_q_operands {
    size_t n;
    const int16_t *const *x; /* [n][cols] */
    const int32_t *start;    /* vector j begins at start + j * start_stride */
    size_t start_stride;     /* 0: all begin alike */
    int32_t *out;            /* result j: [rows] at out + j * out_stride */
    size_t out_stride;
    uint8_t *bytes; /* [n][2 * rnne_q_padded(cols)], 64-byte aligned, to work in */
} rnne_q_operands;

/* What the elementwise part of a cell takes and gives, of what it has (w8a16_<cell>.inc.h). */
typedef struct rnne_q_cell_values {
    size_t n;
    int cell_bits;
    const int32_t *in, *sums; /* sums of the gates, n values apart; `in`: over the input apart */
    int32_t *c, *h;           /* [n] */
    int16_t *m;               /* [n] */
} rnne_q_cell_values;

typedef struct rnne_q_kernels {
    /* out = start + scaled(sum(W, x), multiplier) */
    void (*product)(const rnne_q_matrix *matrix, const rnne_q_operands *operands);

    /* out = function(sat(v)); RNNE_IDENTITY is sat alone. */
    void (*activate)(rnne_function function, size_t n, const int32_t *v, int16_t *out);

    void (*cell[RNNE_NUM_CELLS])(const rnne_q_cell_values *values);

    /* out = sat(shift(h, 9)), the output of a gru. */
    void (*narrow)(size_t n, const int32_t *h, int16_t *out);

    /*
     * q [n], padded: the integers of the model inputs x [n], of which num_features are held: where x
     * is missing q is that of held, otherwise held becomes the float that stands for q.
     */
    void (*accept)(const rnne_q_inputs *inputs, size_t num_features, size_t n, const float *x,
                   float *held, int32_t *q);

    /* out = flush(q * step + offset) */
    void (*to_float)(size_t n, const int16_t *q, const float *step, const float *offset,
                     float *out);
} rnne_q_kernels;

extern const rnne_q_kernels rnne_q_kernels_plain;
#if defined(__GNUC__) && (defined(__SSE2__) || (defined(__aarch64__) && defined(__ARM_NEON)))
#define RNNE_HAS_Q_VECTOR 1
extern const rnne_q_kernels rnne_q_kernels_vector;
#endif
#ifdef RNNE_HAS_AVX
extern const rnne_q_kernels rnne_q_kernels_avx2;   /* AVX2 */
extern const rnne_q_kernels rnne_q_kernels_avx512; /* AVX-512 F and BW */
extern const rnne_q_kernels rnne_q_kernels_vnni;   /* and VNNI */
#endif

/* In plain C, for instruction sets that do not have all of them. */
void rnne_q_accept(const rnne_q_inputs *inputs, size_t num_features, size_t n, const float *x,
                   float *held, int32_t *q);
void rnne_q_to_float(size_t n, const int16_t *q, const float *step, const float *offset,
                     float *out);

/* The next multiple of 32. */
static inline size_t rnne_q_padded(size_t size)
{
    return (size + RNNE_Q_STEP - 1) / RNNE_Q_STEP * RNNE_Q_STEP;
}

#endif
