/* SPDX-License-Identifier: MIT */
#ifndef RNNE_W8A16_RANGES_H
#define RNNE_W8A16_RANGES_H

#include "../model/model.h"

/* Checks every range; *at is then the byte from the first of the layer. */
int rnne_q_layer_is_valid(const rnne_layer *layer, uint32_t num_derived, const uint8_t *bytes,
                          uint64_t *at);

#endif
