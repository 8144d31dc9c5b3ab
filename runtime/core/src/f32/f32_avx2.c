/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 256 bits. */
#include "../base/guard.h"
#include "f32_kernels.h"

#ifdef RNNE_HAS_AVX

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#define RNNE_LANES 8
#include "f32_vec.h"

#include "f32_cells.inc.h"
#include "f32_product.inc.h"
#include "f32_product_block.inc.h"

const rnne_kernels rnne_kernels_avx2 = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_fast_avx2,
};

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
