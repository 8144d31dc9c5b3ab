/* SPDX-License-Identifier: MIT */
/*
 * The kernels of one instruction set, behind f32_kernels.h and the target of its functions.
 *
 *     RNNE_LANES    floats of a vector: 1 (plain C), with GNU vectors 4, with AVX2 8, with AVX-512 16
 *     RNNE_FUSES    defined: products are left to the compiler to fuse (guard_fast.h, 16 lanes)
 *     RNNE_TABLE    name of the table
 *     RNNE_FAST     name of the table that may fuse; itself where this one may
 */
#include "f32_vec.h"

#include "f32_functions.inc.h"
#include "f32_product.inc.h"
#include "f32_product_block.inc.h"

#define RNNE_CELL_TEMPLATE(name) RNNE_QUOTE(../f32/f32_##name.inc.h)
#include "../base/cells.inc.h"

const rnne_kernels RNNE_TABLE = {
    product, product_steps, product_block, activate, {RNNE_CELLS(RNNE_CELL_ENTRY)}, &RNNE_FAST,
};
