/* SPDX-License-Identifier: MIT */
#ifndef RNNE_W8A16_PACK_H
#define RNNE_W8A16_PACK_H

#include "../base/arena.h"
#include "../model/model.h"

/* As rnne_layer_pack() (layer.h), for any layer of `w8a16.v1`; inputs: filled in by the first layer. */
void rnne_q_layer_pack(rnne_layer *layer, uint32_t num_derived, rnne_arena *arena,
                       const uint8_t *bytes, rnne_q_inputs *inputs);

#endif
