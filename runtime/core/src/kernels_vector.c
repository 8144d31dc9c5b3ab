/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 128 bits: SSE2, NEON, or what the compiler makes of them. */
#include "guard.h"
#include "kernels.h"

#ifdef __GNUC__

#define RNNE_LANES 4
#include "vec.h"

#include "cells.inc.h"
#include "product.inc.h"
#include "product_block.inc.h"

const rnne_kernels rnne_kernels_vector = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_fast_vector,
};

#endif
