/* SPDX-License-Identifier: MIT */
/*
 * The product of `w8a16.v1` by 16-bit multiply-add: included by w8a16_*.c after
 *
 *     acc                  a register of sums; ACC_ROWS rows in it (2, 4 or 8), two sums each
 *     acc_add(a, w, x)     adds the products of 4 * ACC_ROWS weights and activations
 *     acc_weights(p)       so many weights as int16
 *     acc_quad(x)          4 activations, repeated
 *     acc_join(a, b)       the sums of the rows of a, then of those of b, as int32
 *     acc_put(sums, m, start, out)   out = start + scaled(sums, m)
 *
 * The four columns of a row lie side by side, so its sum is in two parts until the end.
 */

#include "../base/each.h"

/* Rows of a panel from some row on. */
typedef struct panel {
    const int8_t *w;
    size_t width, cols;
    const int32_t *multiplier, *start, *other_start;
    int32_t *out, *other_out;
} panel;

#define START(i) acc a##i = {0};
#define TERM(i) a##i = acc_add(a##i, acc_weights(w + (i)*4 * ACC_ROWS), v);
#define PUT(sums, from, to, i)                                                                    \
    acc_put(sums, p->multiplier + (i)*ACC_ROWS, p->from + (i)*ACC_ROWS, p->to + (i)*ACC_ROWS);
#define JOIN(i, j) PUT(acc_join(a##i, a##j), start, out, i)
#define JOIN_2 JOIN(0, 1)
#define JOIN_4 JOIN_2 JOIN(2, 3)
#define JOIN_8 JOIN_4 JOIN(4, 5) JOIN(6, 7)

#define ROWS(N)                                                                                   \
    static void rows_##N(const panel *p, const int16_t *x)                                        \
    {                                                                                             \
        const int8_t *w = p->w;                                                                   \
        EACH_##N(START) for (size_t k = 0; k < p->cols;                                           \
                             k += RNNE_QUAD, w += p->width * RNNE_QUAD)                           \
        {                                                                                         \
            const acc v = acc_quad(x + k);                                                        \
            EACH_##N(TERM)                                                                        \
        }                                                                                         \
        JOIN_##N                                                                                  \
    }

/* The same for two vectors: the weights are widened once. */
#define OTHER_START(i) acc a##i = {0}, b##i = a##i;
#define OTHER_TERM(i)                                                                             \
    {                                                                                             \
        const acc weights = acc_weights(w + (i)*4 * ACC_ROWS);                                    \
        a##i = acc_add(a##i, weights, v);                                                         \
        b##i = acc_add(b##i, weights, u);                                                         \
    }
#define OTHER_JOIN(i, j) PUT(acc_join(b##i, b##j), other_start, other_out, i)
#define OTHER_JOIN_2 OTHER_JOIN(0, 1)
#define OTHER_JOIN_4 OTHER_JOIN_2 OTHER_JOIN(2, 3)

#define PAIR_ROWS(N)                                                                              \
    static void pair_rows_##N(const panel *p, const int16_t *x, const int16_t *y)                 \
    {                                                                                             \
        const int8_t *w = p->w;                                                                   \
        EACH_##N(OTHER_START) for (size_t k = 0; k < p->cols;                                     \
                                   k += RNNE_QUAD, w += p->width * RNNE_QUAD)                     \
        {                                                                                         \
            const acc v = acc_quad(x + k), u = acc_quad(y + k);                                   \
            EACH_##N(OTHER_TERM)                                                                  \
        }                                                                                         \
        JOIN_##N OTHER_JOIN_##N                                                                   \
    }

#if ACC_ROWS == 2
ROWS(8)
PAIR_ROWS(4)
#define rows_16 rows_8
#define pair_rows pair_rows_4
#elif ACC_ROWS == 4
ROWS(4)
ROWS(8)
PAIR_ROWS(4)
#define rows_16 rows_4
#define WIDE_ROWS 32
#define pair_rows pair_rows_4
#else
ROWS(2)
ROWS(8)
PAIR_ROWS(4)
PAIR_ROWS(2)
#define rows_16 rows_2
#define WIDE_ROWS 64
#define pair_rows pair_rows_2
#endif
#define PAIRED_ROWS (ACC_ROWS == 2 ? 8 : 16)

static panel from_row(const panel *p, size_t r)
{
    const panel q = {p->w + r * RNNE_QUAD, p->width,           p->cols,    p->multiplier + r,
                     p->start + r,         p->other_start + r, p->out + r, p->other_out + r};
    return q;
}

static void panel_rows(const panel *p, const int16_t *x)
{
    size_t r = 0;
#ifdef WIDE_ROWS
    for (; r + WIDE_ROWS <= p->width; r += WIDE_ROWS) {
        const panel q = from_row(p, r);
        rows_8(&q, x);
    }
#endif
    for (; r < p->width; r += RNNE_PANEL_STEP) {
        const panel q = from_row(p, r);
        rows_16(&q, x);
    }
}

static void panel_pair(const panel *p, const int16_t *x, const int16_t *y)
{
    size_t r = 0;
#if ACC_ROWS == 8
    for (; r + 32 <= p->width; r += 32) {
        const panel q = from_row(p, r);
        pair_rows_4(&q, x, y);
    }
#endif
    for (; r < p->width; r += PAIRED_ROWS) {
        const panel q = from_row(p, r);
        pair_rows(&q, x, y);
    }
}

static void product(const rnne_q_matrix *matrix, const rnne_q_operands *operands)
{
    const size_t n = operands->n;
    const int8_t *w = matrix->weights;
    for (size_t r = 0; r < matrix->rows; r += RNNE_PANEL) {
        const size_t left = matrix->rows - r, width = left < RNNE_PANEL ? left : RNNE_PANEL;
        for (size_t j = 0; j < n; j += 2) {
            const int32_t *const start = operands->start + j * operands->start_stride + r;
            int32_t *const out = operands->out + j * operands->out_stride + r;
            const int is_pair = j + 1 < n;
            const panel p = {w,
                             width,
                             matrix->cols,
                             matrix->multiplier + r,
                             start,
                             is_pair ? start + operands->start_stride : start,
                             out,
                             is_pair ? out + operands->out_stride : out};
            if (is_pair)
                panel_pair(&p, operands->x[j], operands->x[j + 1]);
            else
                panel_rows(&p, operands->x[j]);
        }
        w += width * matrix->cols;
    }
}
