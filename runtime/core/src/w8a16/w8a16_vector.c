/* SPDX-License-Identifier: MIT */
/* The kernels of `w8a16.v1`, vectors of 128 bits: NEON of AArch64; of SSE2 the products alone. */
#include "w8a16_kernels.h"

#if defined(__aarch64__) && defined(__ARM_NEON)

#include "w8a16_vec_neon.h"

#include "w8a16_functions.inc.h"

/* A row's four columns in one register; its sum is in four parts until the end. */
#define ROW(r)                                                                                    \
    {                                                                                             \
        const int16x8_t v = vmovl_s8(vld1_s8(w + 8 * (r)));                                       \
        a[2 * (r)] = vmlal_s16(a[2 * (r)], vget_low_s16(v), quad);                                \
        a[2 * (r) + 1] = vmlal_high_s16(a[2 * (r) + 1], v, vcombine_s16(quad, quad));             \
    }

/* 16 rows of a panel. */
static void rows_16(const int8_t *w, size_t width, size_t cols, const int16_t *x,
                    int32x4_t sums[4])
{
    int32x4_t a[16];
    for (int r = 0; r < 16; r++)
        a[r] = vdupq_n_s32(0);
    for (size_t k = 0; k < cols; k += RNNE_QUAD, w += width * RNNE_QUAD) {
        const int16x4_t quad = vld1_s16(x + k);
        ROW(0) ROW(1) ROW(2) ROW(3) ROW(4) ROW(5) ROW(6) ROW(7)
    }
    for (int r = 0; r < 4; r++)
        sums[r] =
            vpaddq_s32(vpaddq_s32(a[4 * r], a[4 * r + 1]), vpaddq_s32(a[4 * r + 2], a[4 * r + 3]));
}

static void product(const rnne_q_matrix *matrix, const rnne_q_operands *operands)
{
    for (size_t r = 0; r < matrix->rows; r += RNNE_PANEL_STEP) {
        const size_t panel = r / RNNE_PANEL * RNNE_PANEL, left = matrix->rows - panel;
        const size_t width = left < RNNE_PANEL ? left : RNNE_PANEL;
        const int8_t *const w = matrix->weights + panel * matrix->cols + (r - panel) * RNNE_QUAD;
        for (size_t j = 0; j < operands->n; j++) {
            const int32_t *const start = operands->start + j * operands->start_stride + r;
            int32_t *const out = operands->out + j * operands->out_stride + r;
            int32x4_t sums[4];
            rows_16(w, width, matrix->cols, operands->x[j], sums);
            for (int i = 0; i < 4; i++) {
                const int32x4_t multiplier = vld1q_s32(matrix->multiplier + r + 4 * i);
                const int32x4_t v =
                    vaddq_s32(vld1q_s32(start + 4 * i), scaled(sums[i], multiplier));
                vst1q_s32(out + 4 * i, v);
            }
        }
    }
}

const rnne_q_kernels rnne_q_kernels_vector = RNNE_Q_TABLE(rnne_q_accept, rnne_q_to_float);

#elif defined(RNNE_HAS_Q_VECTOR)

#include <emmintrin.h>
#include <string.h>

#include "w8a16_vec_plain.h"

#include "w8a16_functions.inc.h"

#define ACC_ROWS 2
typedef __m128i acc;

VEC_INLINE acc acc_add(acc a, acc w, acc x)
{
    return _mm_add_epi32(a, _mm_madd_epi16(w, x));
}

VEC_INLINE acc acc_weights(const int8_t *p)
{
    const __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)p);
    return _mm_srai_epi16(_mm_unpacklo_epi8(v, v), 8);
}

VEC_INLINE acc acc_quad(const int16_t *x)
{
    const __m128i v = _mm_loadl_epi64((const __m128i *)(const void *)x);
    return _mm_unpacklo_epi64(v, v);
}

VEC_INLINE __m128i acc_join(acc a, acc b)
{
    const __m128 x = _mm_castsi128_ps(a), y = _mm_castsi128_ps(b);
    const __m128 even = _mm_shuffle_ps(x, y, 0x88), odd = _mm_shuffle_ps(x, y, 0xdd);
    return _mm_add_epi32(_mm_castps_si128(even), _mm_castps_si128(odd));
}

VEC_INLINE void acc_put(__m128i v, const int32_t *m, const int32_t *start, int32_t *out)
{
    int32_t sums[4];
    memcpy(sums, &v, sizeof sums);
    for (int i = 0; i < 4; i++)
        out[i] = start[i] + rnne_scaled(sums[i], m[i]);
}

#include "w8a16_product.inc.h"

const rnne_q_kernels rnne_q_kernels_vector = RNNE_Q_TABLE(rnne_q_accept, rnne_q_to_float);

#endif
