/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 512 bits. */
#include "../base/guard.h"
#include "f32_kernels.h"

#ifdef RNNE_HAS_AVX

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif

#define RNNE_LANES 16
#include "f32_vec.h"

#include "f32_cells.inc.h"
#include "f32_product.inc.h"
#include "f32_product_block.inc.h"

const rnne_kernels rnne_kernels_avx512 = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_fast_avx512,
};

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
