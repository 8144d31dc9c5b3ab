/* SPDX-License-Identifier: MIT */
/* The kernels with fused multiply-adds, vectors of 128 bits: SSE2, NEON, or what the compiler makes of them. */
#include "../base/guard_fast.h"
#include "f32_kernels.h"

#ifdef __GNUC__

#define RNNE_LANES 4
#include "f32_vec.h"

#include "f32_cells.inc.h"
#include "f32_product.inc.h"
#include "f32_product_block.inc.h"

const rnne_kernels rnne_fast_vector = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_fast_vector,
};

#endif
