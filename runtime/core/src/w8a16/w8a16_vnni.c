/* SPDX-License-Identifier: MIT */
/*
 * The kernels of `w8a16.v1` for AVX-512 with VNNI.  vpdpbusd adds four products of unsigned and
 * signed bytes, so an activation is taken as 256 (high - 128) + low: a weight is read once, as a
 * byte, for the sums of the high and of the low bytes, and a row's sum is
 * 256 high + low - 2^15 sum(weights).
 */
#include "../base/guard.h"

#include "../base/target.h"
#include "w8a16_kernels.h"

#ifdef RNNE_HAS_AVX

RNNE_TARGET("avx512f,avx512bw,avx512vnni")

#include "w8a16_vec_avx512.h"

#include "../base/each.h"
#include "w8a16_functions.inc.h"

#include <string.h>

/* Low bytes of all columns, then high bytes + 128; `stride` of them each. */
static void split(const int16_t *x, size_t cols, uint8_t *bytes, size_t stride)
{
    const __m256i flip = _mm256_set1_epi8((char)0x80);
    for (size_t k = 0; k < cols; k += RNNE_Q_STEP) {
        const __m512i v = _mm512_loadu_si512(x + k);
        const __m256i high = _mm512_cvtepi16_epi8(_mm512_srli_epi16(v, 8));
        _mm256_storeu_si256((__m256i *)(void *)(bytes + k), _mm512_cvtepi16_epi8(v));
        _mm256_storeu_si256((__m256i *)(void *)(bytes + stride + k), _mm256_xor_si256(high, flip));
    }
}

VEC_INLINE __m512i quad(const uint8_t *bytes)
{
    int32_t four;
    memcpy(&four, bytes, sizeof four);
    return _mm512_set1_epi32(four);
}

/*
 * sums + the products of four bytes each.  The intrinsic of this name makes gcc 12 copy accumulators
 * from register to register in the loops below.
 */
VEC_INLINE __m512i dot(__m512i sums, __m512i bytes, __m512i weights)
{
    __asm__("vpdpbusd %2, %1, %0" : "+v"(sums) : "v"(bytes), "v"(weights));
    return sums;
}

/* N times 16 rows of a panel, for one vector and for two. */
typedef struct panel {
    const int8_t *w;
    size_t width, cols, stride;
    const int32_t *multiplier, *offset;
} panel;

#define START(i)                                                                                  \
    __m512i low##i = _mm512_loadu_si512(p->offset + (i)*16), high##i = _mm512_setzero_si512();
#define TERM(i)                                                                                   \
    {                                                                                             \
        const __m512i v = _mm512_loadu_si512(w + (i)*64);                                         \
        low##i = dot(low##i, low, v);                                                             \
        high##i = dot(high##i, high, v);                                                          \
    }
#define RESULT(i)                                                                                 \
    {                                                                                             \
        const vw sum = vw_add(low##i, _mm512_slli_epi32(high##i, 8));                             \
        const vw multiplier = vw_load(p->multiplier + (i)*16);                                    \
        vw_store(out + (i)*16, vw_add(vw_load(start + (i)*16), vw_scaled(sum, multiplier)));      \
    }

#define ROWS(N)                                                                                   \
    static void rows_##N(const panel *p, const uint8_t *bytes, const int32_t *start,              \
                         int32_t *out)                                                            \
    {                                                                                             \
        const int8_t *w = p->w;                                                                   \
        EACH_##N(START) for (size_t k = 0; k < p->cols;                                           \
                             k += RNNE_QUAD, w += p->width * RNNE_QUAD)                           \
        {                                                                                         \
            const __m512i low = quad(bytes + k), high = quad(bytes + p->stride + k);              \
            EACH_##N(TERM)                                                                        \
        }                                                                                         \
        EACH_##N(RESULT)                                                                          \
    }

ROWS(1)
ROWS(2)
ROWS(3)
ROWS(4)

#define PAIR_START(i)                                                                             \
    __m512i low_a##i = _mm512_loadu_si512(p->offset + (i)*16), low_b##i = low_a##i,               \
            high_a##i = _mm512_setzero_si512(), high_b##i = high_a##i;
#define PAIR_TERM(i)                                                                              \
    {                                                                                             \
        const __m512i v = _mm512_loadu_si512(w + (i)*64);                                         \
        low_a##i = dot(low_a##i, low_a, v);                                                       \
        high_a##i = dot(high_a##i, high_a, v);                                                    \
        low_b##i = dot(low_b##i, low_b, v);                                                       \
        high_b##i = dot(high_b##i, high_b, v);                                                    \
    }
#define PAIR_RESULT(i)                                                                            \
    {                                                                                             \
        const vw multiplier = vw_load(p->multiplier + (i)*16);                                    \
        const vw sum_a = vw_add(low_a##i, _mm512_slli_epi32(high_a##i, 8));                       \
        const vw sum_b = vw_add(low_b##i, _mm512_slli_epi32(high_b##i, 8));                       \
        vw_store(out + (i)*16, vw_add(vw_load(start + (i)*16), vw_scaled(sum_a, multiplier)));    \
        vw_store(out + out_stride + (i)*16,                                                       \
                 vw_add(vw_load(start + start_stride + (i)*16), vw_scaled(sum_b, multiplier)));   \
    }

#define PAIR_ROWS(N)                                                                              \
    static void pair_rows_##N(const panel *p, const uint8_t *bytes, const int32_t *start,         \
                              size_t start_stride, int32_t *out, size_t out_stride)               \
    {                                                                                             \
        const int8_t *w = p->w;                                                                   \
        const uint8_t *const other = bytes + 2 * p->stride;                                       \
        EACH_##N(PAIR_START) for (size_t k = 0; k < p->cols;                                      \
                                  k += RNNE_QUAD, w += p->width * RNNE_QUAD)                      \
        {                                                                                         \
            const __m512i low_a = quad(bytes + k), high_a = quad(bytes + p->stride + k);          \
            const __m512i low_b = quad(other + k), high_b = quad(other + p->stride + k);          \
            EACH_##N(PAIR_TERM)                                                                   \
        }                                                                                         \
        EACH_##N(PAIR_RESULT)                                                                     \
    }

PAIR_ROWS(1)
PAIR_ROWS(2)
PAIR_ROWS(3)
PAIR_ROWS(4)

static void panel_rows(const panel *p, const uint8_t *bytes, const int32_t *start, int32_t *out)
{
    switch (p->width / 16) {
    case 4: rows_4(p, bytes, start, out); break;
    case 3: rows_3(p, bytes, start, out); break;
    case 2: rows_2(p, bytes, start, out); break;
    default: rows_1(p, bytes, start, out); break;
    }
}

static void panel_pair(const panel *p, const uint8_t *bytes, const int32_t *start,
                       size_t start_stride, int32_t *out, size_t out_stride)
{
    switch (p->width / 16) {
    case 4: pair_rows_4(p, bytes, start, start_stride, out, out_stride); break;
    case 3: pair_rows_3(p, bytes, start, start_stride, out, out_stride); break;
    case 2: pair_rows_2(p, bytes, start, start_stride, out, out_stride); break;
    default: pair_rows_1(p, bytes, start, start_stride, out, out_stride); break;
    }
}

static void product(const rnne_q_matrix *matrix, const rnne_q_operands *operands)
{
    const size_t n = operands->n, stride = rnne_q_padded(matrix->cols);
    const size_t start_stride = operands->start_stride, out_stride = operands->out_stride;
    panel p = {matrix->weights, 0, matrix->cols, stride, matrix->multiplier, matrix->offset};
    for (size_t j = 0; j < n; j++)
        split(operands->x[j], matrix->cols, operands->bytes + j * 2 * stride, stride);
    for (size_t r = 0; r < matrix->rows; r += RNNE_PANEL) {
        const size_t left = matrix->rows - r;
        const int32_t *start = operands->start + r;
        const uint8_t *bytes = operands->bytes;
        int32_t *out = operands->out + r;
        p.width = left < RNNE_PANEL ? left : RNNE_PANEL;
        size_t j = 0;
        for (; j + 2 <= n; j += 2, bytes += 4 * stride) {
            panel_pair(&p, bytes, start, start_stride, out, out_stride);
            start += 2 * start_stride;
            out += 2 * out_stride;
        }
        if (j < n)
            panel_rows(&p, bytes, start, out);
        p.w += p.width * p.cols;
        p.multiplier += p.width;
        p.offset += p.width;
    }
}

const rnne_q_kernels rnne_q_kernels_vnni = RNNE_Q_TABLE(accept, to_float);

RNNE_TARGET_END

#endif
