/* SPDX-License-Identifier: MIT */
/* The product of a block of streams with fused multiply-adds, vectors of 128 bits: SSE2, NEON, or what the compiler makes of them. */
#include "guard_fast.h"
#include "kernels.h"

#ifdef __GNUC__

#define RNNE_LANES 4
#include "vec.h"

#include "product_block.inc.h"

void rnne_block_fast_vector(const rnne_matrix *matrix, const rnne_operands *operands, float *out)
{
    product_block(matrix, operands, out);
}

#endif
