/* SPDX-License-Identifier: MIT */
/* The kernels with fused multiply-adds, vectors of 512 bits. */
#include "guard_fast.h"
#include "kernels.h"

#ifdef RNNE_HAS_AVX

#ifdef __clang__
#pragma clang attribute push(__attribute__((target("avx512f"))), apply_to = function)
#else
#pragma GCC target("avx512f")
#endif

#define RNNE_FUSES 1
#define RNNE_LANES 16
#include "vec.h"

#include "cells.inc.h"
#include "product.inc.h"
#include "product_block.inc.h"

const rnne_kernels rnne_fast_avx512 = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_fast_avx512,
};

#ifdef __clang__
#pragma clang attribute pop
#endif

#endif
