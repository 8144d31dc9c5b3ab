/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 256 bits. */
#include "guard.h"
#include "kernels.h"

#ifdef RNNE_HAS_AVX

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx2"))), apply_to = function)
#else
#pragma GCC target("avx2")
#endif

#define RNNE_LANES 8
#include "vec.h"

#include "cells.inc.h"
#include "product.inc.h"
#include "product_block.inc.h"

const rnne_kernels rnne_kernels_avx2 = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_fast_avx2,
};

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
