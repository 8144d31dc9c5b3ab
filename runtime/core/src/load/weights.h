/* SPDX-License-Identifier: MIT */
#ifndef RNNE_WEIGHTS_H
#define RNNE_WEIGHTS_H

#include "../layers/w8a16_tensors.h"

/*
 * Walks over all tensors of a layer in WGTS: its own, be they integer or float, and in `w8a16.v1`
 * those of the conversions before and behind it.  inputs: filled in by the first layer.
 */
void rnne_take_layer(rnne_layer *layer, uint32_t num_derived, rnne_q_inputs *inputs,
                     rnne_tensors *tensors);

#endif
