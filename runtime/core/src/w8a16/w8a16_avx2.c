/* SPDX-License-Identifier: MIT */
/* The kernels of `w8a16.v1`, vectors of 256 bits. */
#include "../base/target.h"
#include "w8a16_kernels.h"

#ifdef RNNE_HAS_AVX

RNNE_TARGET("avx2")

#include "w8a16_vec_avx2.h"

#include "w8a16_functions.inc.h"

#include <string.h>

#define ACC_ROWS 4
typedef __m256i acc;

VEC_INLINE acc acc_add(acc a, acc w, acc x)
{
    return _mm256_add_epi32(a, _mm256_madd_epi16(w, x));
}

VEC_INLINE acc acc_weights(const int8_t *p)
{
    return _mm256_cvtepi8_epi16(_mm_loadu_si128((const void *)p));
}

VEC_INLINE acc acc_quad(const int16_t *x)
{
    int64_t four;
    memcpy(&four, x, sizeof four);
    return _mm256_set1_epi64x(four);
}

VEC_INLINE __m256i acc_join(acc a, acc b)
{
    return _mm256_permute4x64_epi64(_mm256_hadd_epi32(a, b), 0xd8);
}

VEC_INLINE void acc_put(__m256i sums, const int32_t *m, const int32_t *start, int32_t *out)
{
    _mm256_storeu_si256((void *)out, _mm256_add_epi32(load(start), scaled(sums, load(m))));
}

#include "w8a16_product.inc.h"

const rnne_q_kernels rnne_q_kernels_avx2 = RNNE_Q_TABLE(rnne_q_accept, rnne_q_to_float);

RNNE_TARGET_END

#endif
