/* SPDX-License-Identifier: MIT */
/*
 * Products of packed weights, for vectors as f32_vec.h has them.
 * Parameters: those of f32_vec.h.  With 16 lanes a panel is 1 to 4 vectors wide and two are taken at
 * once, with 8 it is 2 to 8, with 4 it goes in halves, with 1 in sixteens.
 *
 * All accumulators are named variables, so that they stay in registers at any optimisation
 * level and no compiler reorders the loops (a loop over an array of them is vectorised along
 * the sum by some, with a hundred shuffles).
 */

#include "../base/each.h"

/* ---- one step: N accumulators, N * RNNE_LANES rows ---- */

#define START(i) vf a##i = vec_load(start + (i)*RNNE_LANES);
#define TERM(i) a##i = a##i + vec_load(w + (i)*RNNE_LANES) * s;
#define RESULT(i) vec_store(out + (i)*RNNE_LANES, a##i);

#define ROWS(N)                                                                                   \
    static void rows_##N(const float *w, size_t width, const float *start,                        \
                         const rnne_operands *operands, float *out)                               \
    {                                                                                             \
        EACH_##N(START) for (size_t k = 0; k < operands->num_x; k++, w += width)                  \
        {                                                                                         \
            const vf s = vec_splat(operands->x[k]);                                               \
            EACH_##N(TERM)                                                                        \
        }                                                                                         \
        for (size_t k = 0; k < operands->num_h; k++, w += width) {                                \
            const vf s = vec_splat(operands->h[k]);                                               \
            EACH_##N(TERM)                                                                        \
        }                                                                                         \
        EACH_##N(RESULT)                                                                          \
    }

#if RNNE_LANES == 16
ROWS(1)
ROWS(2)
ROWS(3)
ROWS(4)
#elif RNNE_LANES == 8
ROWS(2)
ROWS(4)
ROWS(6)
ROWS(8)
#elif RNNE_LANES == 4
ROWS(4)
ROWS(8)
#else
ROWS(16)
#endif

#if RNNE_LANES == 16
#define PAIR_TERM(i) a##i = a##i + vec_load(((i) < 4 ? w : v) + (i) % 4 * RNNE_LANES) * s;

/* Two whole panels at once: half as many loops to enter and leave. */
static void two_panels(const float *w, const float *v, const float *start,
                       const rnne_operands *operands, float *out)
{
    EACH_8(START)
    for (size_t k = 0; k < operands->num_x; k++, w += RNNE_PANEL, v += RNNE_PANEL) {
        const vf s = vec_splat(operands->x[k]);
        EACH_8(PAIR_TERM)
    }
    for (size_t k = 0; k < operands->num_h; k++, w += RNNE_PANEL, v += RNNE_PANEL) {
        const vf s = vec_splat(operands->h[k]);
        EACH_8(PAIR_TERM)
    }
    EACH_8(RESULT)
}
#endif

/* One panel, or what is left of it, as wide as the registers allow. */
static void panel_rows(const float *w, size_t width, const float *start,
                       const rnne_operands *operands, float *out)
{
#if RNNE_LANES == 16
    switch (width / 16) {
    case 4: rows_4(w, width, start, operands, out); break;
    case 3: rows_3(w, width, start, operands, out); break;
    case 2: rows_2(w, width, start, operands, out); break;
    default: rows_1(w, width, start, operands, out); break;
    }
#elif RNNE_LANES == 8
    switch (width / 16) {
    case 4: rows_8(w, width, start, operands, out); break;
    case 3: rows_6(w, width, start, operands, out); break;
    case 2: rows_4(w, width, start, operands, out); break;
    default: rows_2(w, width, start, operands, out); break;
    }
#elif RNNE_LANES == 4
    size_t r = 0;
    for (; r + 32 <= width; r += 32)
        rows_8(w + r, width, start + r, operands, out + r);
    if (r < width)
        rows_4(w + r, width, start + r, operands, out + r);
#else
    for (size_t r = 0; r < width; r += 16)
        rows_16(w + r, width, start + r, operands, out + r);
#endif
}

static void product(const rnne_matrix *matrix, const float *start, const rnne_operands *operands,
                    float *out)
{
    const float *panel = matrix->weights;
    size_t r = 0;
#if RNNE_LANES == 16
    const size_t size = matrix->cols * RNNE_PANEL;
    for (; r + 2 * RNNE_PANEL <= matrix->rows; r += 2 * RNNE_PANEL, panel += 2 * size) {
        const float *const w = panel + operands->first * RNNE_PANEL;
        two_panels(w, w + size, start + r, operands, out + r);
    }
#endif
    for (; r < matrix->rows; r += RNNE_PANEL) {
        const size_t left = matrix->rows - r;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        panel_rows(panel + operands->first * width, width, start + r, operands, out + r);
        panel += matrix->cols * width;
    }
}

/* ---- many steps: four of them times N vectors of rows ---- */

#define FOUR_STEPS_1(M) M(0, 0) M(1, 0) M(2, 0) M(3, 0)
#define FOUR_STEPS_2(M) FOUR_STEPS_1(M) M(0, 1) M(1, 1) M(2, 1) M(3, 1)
#define FOUR_STEPS_3(M) FOUR_STEPS_2(M) M(0, 2) M(1, 2) M(2, 2) M(3, 2)
#define FOUR_STEPS_4(M) FOUR_STEPS_3(M) M(0, 3) M(1, 3) M(2, 3) M(3, 3)
#define STEP_START(t, i) vf a##t##i = vec_load(start + (i)*RNNE_LANES);
#define STEP_TERM(t, i) a##t##i = a##t##i + vec_times(w##i, x + (t)*x_stride);
#define STEP_RESULT(t, i) vec_store(out + (t)*out_stride + (i)*RNNE_LANES, a##t##i);
#define STEP_WEIGHT(i) const vf w##i = vec_load(w + (i)*RNNE_LANES);

#define FOUR_STEPS(N)                                                                             \
    static void four_steps_##N(const float *w, size_t width, const float *start, const float *x,  \
                               size_t num_x, size_t x_stride, float *out, size_t out_stride)      \
    {                                                                                             \
        FOUR_STEPS_##N(STEP_START) for (size_t k = 0; k < num_x; k++, x++, w += width){           \
            EACH_##N(STEP_WEIGHT) FOUR_STEPS_##N(STEP_TERM)} FOUR_STEPS_##N(STEP_RESULT)          \
    }

#if RNNE_LANES == 16
FOUR_STEPS(1)
FOUR_STEPS(4)
#endif
FOUR_STEPS(2)

static void panel_four_steps(const float *w, size_t width, const float *start, const float *x,
                             size_t num_x, size_t x_stride, float *out, size_t out_stride)
{
    size_t r = 0;
#if RNNE_LANES == 16
    for (; r + 4 * RNNE_LANES <= width; r += 4 * RNNE_LANES)
        four_steps_4(w + r, width, start + r, x, num_x, x_stride, out + r, out_stride);
#endif
    for (; r + 2 * RNNE_LANES <= width; r += 2 * RNNE_LANES)
        four_steps_2(w + r, width, start + r, x, num_x, x_stride, out + r, out_stride);
#if RNNE_LANES == 16
    if (r < width)
        four_steps_1(w + r, width, start + r, x, num_x, x_stride, out + r, out_stride);
#endif
}

static void product_steps(const rnne_matrix *matrix, const rnne_operands *operands,
                          size_t num_steps, size_t x_stride, float *out)
{
    const float *panel = matrix->weights;
    for (size_t r = 0; r < matrix->rows; r += RNNE_PANEL) {
        const size_t left = matrix->rows - r;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        const float *w = panel + operands->first * width;
        size_t t = 0;
        for (; t + 4 <= num_steps; t += 4)
            panel_four_steps(w, width, matrix->bias + r, operands->x + t * x_stride,
                             operands->num_x, x_stride, out + t * matrix->rows + r, matrix->rows);
        for (; t < num_steps; t++) {
            const rnne_operands one = {0, operands->x + t * x_stride, operands->num_x, NULL, 0};
            panel_rows(w, width, matrix->bias + r, &one, out + t * matrix->rows + r);
        }
        panel += matrix->cols * width;
    }
}

/* ---- many streams: their lanes lie side by side; two vectors of lanes divide RNNE_BLOCK ---- */

#if RNNE_LANES == 16
#define BLOCK_ROWS 8
#define EACH_BLOCK_ROW(M) EACH_8(M)
#else
#define BLOCK_ROWS 4
#define EACH_BLOCK_ROW(M) EACH_4(M)
#endif

#define LANE_START(r)                                                                             \
    vf a##r = vec_splat(bias[r]);                                                                 \
    vf b##r = a##r;
#define LANE_TERM(r)                                                                              \
    a##r = a##r + vec_times(x0, w + (r));                                                         \
    b##r = b##r + vec_times(x1, w + (r));
#define LANE_RESULT(r)                                                                            \
    vec_store(out + (r)*RNNE_BLOCK, a##r);                                                        \
    vec_store(out + (r)*RNNE_BLOCK + RNNE_LANES, b##r);

/* BLOCK_ROWS rows of two vectors of streams. */
static void block_rows(const float *w, size_t width, const float *bias, const float *x,
                       size_t num_x, const float *h, size_t num_h, float *out)
{
    EACH_BLOCK_ROW(LANE_START)
    for (size_t k = 0; k < num_x; k++, w += width) {
        const vf x0 = vec_load(x + k * RNNE_BLOCK), x1 = vec_load(x + k * RNNE_BLOCK + RNNE_LANES);
        EACH_BLOCK_ROW(LANE_TERM)
    }
    for (size_t k = 0; k < num_h; k++, w += width) {
        const vf x0 = vec_load(h + k * RNNE_BLOCK), x1 = vec_load(h + k * RNNE_BLOCK + RNNE_LANES);
        EACH_BLOCK_ROW(LANE_TERM)
    }
    EACH_BLOCK_ROW(LANE_RESULT)
}

static void product_block(const rnne_matrix *matrix, const rnne_operands *operands, float *out)
{
    const float *panel = matrix->weights;
    for (size_t r = 0; r < matrix->rows; r += RNNE_PANEL) {
        const size_t left = matrix->rows - r;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        const float *w = panel + operands->first * width;
        for (size_t i = 0; i < width; i += BLOCK_ROWS)
            for (size_t lane = 0; lane < RNNE_BLOCK; lane += 2 * RNNE_LANES)
                block_rows(w + i, width, matrix->bias + r + i, operands->x + lane, operands->num_x,
                           operands->h + lane, operands->num_h, out + (r + i) * RNNE_BLOCK + lane);
        panel += matrix->cols * width;
    }
}
