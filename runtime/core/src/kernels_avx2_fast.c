/* SPDX-License-Identifier: MIT */
/* The product of a block of streams with fused multiply-adds, vectors of 256 bits. */
#include "guard_fast.h"
#include "kernels.h"

#ifdef RNNE_HAS_AVX

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2,fma"))), apply_to = function)
#else
#pragma GCC target("avx2,fma")
#endif

#define RNNE_LANES 8
#include "vec.h"

#include "product_block.inc.h"

void rnne_block_fast_avx2(const rnne_matrix *matrix, const rnne_operands *operands, float *out)
{
    product_block(matrix, operands, out);
}

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
