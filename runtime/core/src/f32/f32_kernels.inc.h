/* SPDX-License-Identifier: MIT */
/*
 * The kernels of one instruction set, where the compiler has it.
 *
 *     RNNE_LANES    floats of a vector: 1 (plain C), with GNU vectors 4, with AVX2 8, with AVX-512 16
 *     RNNE_SETS     defined: instructions that its functions may use, of a compiler with RNNE_HAS_AVX
 *     RNNE_FUSES    defined: products are left to the compiler to fuse (guard_fast.h, 16 lanes)
 *     RNNE_TABLE    name of the table
 *     RNNE_FAST     name of the table that may fuse; itself where this one may
 */
#include "../base/target.h"
#include "f32_kernels.h"

#if RNNE_LANES == 1 || (RNNE_LANES == 4 && defined(__GNUC__)) || defined(RNNE_HAS_AVX)
#ifdef RNNE_SETS
RNNE_TARGET(RNNE_SETS)
#endif

#include "f32_vec.h"

#include "f32_functions.inc.h"
#include "f32_elementwise.inc.h"
#include "f32_product.inc.h"
#include "f32_product_block.inc.h"

#include "f32_lru.inc.h"

#define RNNE_CELL_TEMPLATE(name) RNNE_QUOTE(../f32/f32_##name.inc.h)
#include "../base/cells.inc.h"

const rnne_kernels RNNE_TABLE = {
    product,     product_steps, product_block, activate,
    elementwise, rsqrt,         {RNNE_CELLS(RNNE_CELL_ENTRY)}, lru, &RNNE_FAST,
};

#ifdef RNNE_SETS
RNNE_TARGET_END
#endif
#endif
