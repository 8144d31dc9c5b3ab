/* SPDX-License-Identifier: MIT */
#ifndef RNNE_MEMORY_H
#define RNNE_MEMORY_H

#include "../model/rows.h"

/* Of a model in integers: the state of row j becomes what the next layer gave. */
void rnne_memory_keep(const rnne_rows *rows, const rnne_layer *layer, size_t j);

#endif
