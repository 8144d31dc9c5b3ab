/* SPDX-License-Identifier: MIT */
/* The kernels of `w8a16.v1`, vectors of 512 bits without VNNI. */
#include "../base/guard.h"

#include "../base/target.h"
#include "w8a16_kernels.h"

#ifdef RNNE_HAS_AVX

RNNE_TARGET("avx512f,avx512bw")

#include "w8a16_vec_avx512.h"

#include "w8a16_functions.inc.h"

#include <string.h>

#define ACC_ROWS 8
typedef __m512i acc;

VEC_INLINE acc acc_add(acc a, acc w, acc x)
{
    return _mm512_add_epi32(a, _mm512_madd_epi16(w, x));
}

VEC_INLINE acc acc_weights(const int8_t *p)
{
    return _mm512_cvtepi8_epi16(_mm256_loadu_si256((const __m256i *)(const void *)p));
}

VEC_INLINE acc acc_quad(const int16_t *x)
{
    int64_t four;
    memcpy(&four, x, sizeof four);
    return _mm512_set1_epi64(four);
}

VEC_INLINE __m512i acc_join(acc a, acc b)
{
    const __m512i even =
        _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
    const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
    return _mm512_add_epi32(_mm512_permutex2var_epi32(a, even, b),
                            _mm512_permutex2var_epi32(a, odd, b));
}

VEC_INLINE void acc_put(__m512i sums, const int32_t *m, const int32_t *start, int32_t *out)
{
    vw_store(out, vw_add(vw_load(start), vw_scaled(sums, vw_load(m))));
}

#include "w8a16_product.inc.h"

const rnne_q_kernels rnne_q_kernels_avx512 = RNNE_Q_TABLE(accept, to_float);

RNNE_TARGET_END

#endif
