/* SPDX-License-Identifier: MIT */
/*
 * The kernels, products, activations and cells, behind which the instruction set is chosen.
 *
 * Every source f32_*.c is the same code at another vector width.  Vectors always lie along
 * outputs, streams or steps, never along a sum.
 */
#ifndef RNNE_KERNELS_H
#define RNNE_KERNELS_H

#include "../base/cells.inc.h"
#include "../base/panels.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Weights in the order in which a product reads them: panel after panel of up to RNNE_PANEL
 * rows; in a panel column after column; in a column the rows of the panel.
 */
typedef struct rnne_matrix {
    const float *weights; /* [ceil(rows / 64)][cols][width], width 64, at the end the rest */
    const float *bias;    /* [rows] */
    size_t rows;          /* a multiple of 16, the last ones zero */
    size_t cols;
} rnne_matrix;

/* What a chain runs over: columns first .. of a matrix, times x and then times h. */
typedef struct rnne_operands {
    size_t first;   /* column that x[0] belongs to */
    const float *x; /* [num_x]; product_block: [num_x][RNNE_BLOCK] */
    size_t num_x;
    const float *h; /* [num_h], columns after those of x */
    size_t num_h;
} rnne_operands;

/* What the elementwise part of a cell takes and gives, of what it has (f32_<cell>.inc.h). */
typedef struct rnne_cell_values {
    size_t n;
    const float *gates;    /* sums of the gates, n values apart */
    const float *in, *rec; /* [n] of a gate whose sums over input and state stay apart */
    float *c, *h;          /* [n] */
    const float *soon;     /* weights that are read next, or NULL */
} rnne_cell_values;

/* What a norm takes besides its values. */
enum { RNNE_CHAINS = 16 };
typedef struct rnne_norm_values {
    size_t lanes;
    int is_centred;
    float eps;
    float *sums; /* [2 * RNNE_CHAINS][lanes] to work in */
} rnne_norm_values;

/* Those of an lru, of all lanes. */
typedef struct rnne_lru_values {
    size_t n, lanes;
    const float *gates; /* sums of d, n and o, n values apart */
    const float *step;  /* [lanes] length of the step, or NULL for 1 */
    float *h, *y;       /* [n] */
} rnne_lru_values;

/* The elementwise functions, in the order of their numbers in MODL (f32_elementwise.inc.h). */
enum {
    RNNE_FORMULA_LOG = 16,
    RNNE_FORMULA_SQRT,
    RNNE_FORMULA_RSQRT,
    RNNE_FORMULA_RECIPROCAL,
    RNNE_FORMULA_STEP = 22,
    RNNE_FORMULA_FLOOR,
    RNNE_NUM_FORMULAS = 26
};

typedef struct rnne_kernels {
    /* out[rows] = chain from start[rows]. */
    void (*product)(const rnne_matrix *matrix, const float *start, const rnne_operands *operands,
                    float *out);

    /*
     * out[t][rows] = chain from the bias over operands->x + t * x_stride, for all steps t; the
     * operands have no h.
     */
    void (*product_steps)(const rnne_matrix *matrix, const rnne_operands *operands,
                          size_t num_steps, size_t x_stride, float *out);

    /* out[rows][RNNE_BLOCK] = chain from the bias, for the streams of a block at once. */
    void (*product_block)(const rnne_matrix *matrix, const rnne_operands *operands, float *out);

    /*
     * Elementwise on n values, in whole vectors: up to 15 values more are read and written.
     * Results are flushed.
     */
    void (*activate)(rnne_function function, size_t n, const float *z, float *out);

    /* The same for every formula, whose parameters a and b are. */
    void (*elementwise)(uint32_t formula, float a, float b, size_t n, const float *z, float *out);

    /*
     * Value i of lane l is at [i * lanes + l]; lanes is 1 or RNNE_BLOCK.  Results are flushed but for
     * totals; in one lane up to 15 values more are read and written.
     */
    void (*combine)(uint32_t operation, size_t n, const float *a, const float *b, float *out);
    void (*affine)(int is_inverse, size_t n, size_t lanes, const float *z, const float *shift,
                   const float *scale, float *out);
    void (*depthwise)(size_t taps, size_t n, size_t lanes, const float *z, const float *bias,
                      const float *weights, float *out);

    /* out[lanes] = the sum of n values, or of their squares; sums: [RNNE_CHAINS][lanes] to use. */
    void (*total)(size_t n, size_t lanes, const float *z, int is_of_squares, float *sums,
                  float *out);

    /* n values over the root of their mean square and eps; is_centred: less their mean before. */
    void (*norm)(const rnne_norm_values *values, size_t n, const float *z, float *out);

    void (*cell[RNNE_NUM_CELLS])(const rnne_cell_values *values);
    void (*lru)(const rnne_lru_values *values);

    const struct rnne_kernels *fast; /* these, but they may fuse multiplications with additions */
} rnne_kernels;

extern const rnne_kernels rnne_kernels_plain;
#ifdef __GNUC__
extern const rnne_kernels rnne_kernels_vector;
extern const rnne_kernels rnne_fast_vector;
#ifdef RNNE_HAS_AVX
extern const rnne_kernels rnne_kernels_avx2, rnne_kernels_avx512;
extern const rnne_kernels rnne_fast_avx2, rnne_fast_avx512;
#endif
#endif

#endif
