/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "total.h"

void rnne_total(const rnne_block *block, size_t n, const float *z, int is_of_squares, float *total)
{
    const size_t lanes = block->lanes;
    float *const sums = block->gates;
    memset(sums, 0, RNNE_TOTAL_FLOATS * lanes * sizeof *sums);
    for (size_t k = 0; k < n; k++) {
        float *const sum = sums + k % RNNE_TOTAL_FLOATS * lanes;
        for (size_t l = 0; l < lanes; l++) {
            const float v = z[k * lanes + l];
            sum[l] += is_of_squares ? v * v : v;
        }
    }
    for (size_t half = RNNE_TOTAL_FLOATS / 2; half; half /= 2)
        for (size_t i = 0; i < half * lanes; i++)
            sums[i] += sums[half * lanes + i];
    memcpy(total, sums, lanes * sizeof *total);
}
