/* SPDX-License-Identifier: MIT */
/* The kernels, plain C, one value at a time: always built. */
#include "guard.h"
#include "kernels.h"

#define RNNE_LANES 1
#include "vec.h"

#include "cells.inc.h"
#include "product.inc.h"
#include "product_block.inc.h"

const rnne_kernels rnne_kernels_plain = {
    product, product_steps, product_block, activate, gru, lstm, &rnne_kernels_plain,
};
