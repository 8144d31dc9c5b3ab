/* SPDX-License-Identifier: MIT */
/* The kernels, plain C, one value at a time: always built. */
#include "../base/guard.h"
#include "f32_kernels.h"

#define RNNE_LANES 1
#include "f32_vec.h"

#include "f32_cells.inc.h"
#include "f32_product.inc.h"
#include "f32_product_block.inc.h"

const rnne_kernels rnne_kernels_plain = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_kernels_plain,
};
