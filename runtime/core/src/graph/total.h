/* SPDX-License-Identifier: MIT */
/* Sums over a value (docs/numerics.md, `total`). */
#ifndef RNNE_TOTAL_H
#define RNNE_TOTAL_H

#include "../model/block.h"

/* gate_floats of a layer that needs rnne_total(), and RNNE_TOTAL_FLOATS more behind them. */
enum { RNNE_TOTAL_FLOATS = 16 };

/* total[lanes] of z [n][lanes], or of its squares; works in the first gates. */
void rnne_total(const rnne_block *block, size_t n, const float *z, int is_of_squares,
                float *total);

#endif
