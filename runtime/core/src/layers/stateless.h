/* SPDX-License-Identifier: MIT */
#ifndef RNNE_STATELESS_H
#define RNNE_STATELESS_H

#include "../model/block.h"

/* The output of a layer that is no product.  Adds to *num_unknown_tokens. */
void rnne_stateless(const rnne_layer *layer, const rnne_kernels *kernels,
                    const rnne_values *values, uint64_t *num_unknown_tokens);

#endif
