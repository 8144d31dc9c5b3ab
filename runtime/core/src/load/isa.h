/* SPDX-License-Identifier: MIT */
#ifndef RNNE_ISA_H
#define RNNE_ISA_H

#include "rnnedge.h"

#include "../f32/f32_kernels.h"
#include "../w8a16/w8a16_kernels.h"

/*
 * The instruction set itself, or for RNNE_ISA_AUTO the best one here for a model of `w8a16.v1`
 * (is_integer) or `f32.v1`.  RNNE_ISA_AUTO: it is not here.
 */
rnne_isa rnne_isa_chosen(rnne_isa isa, int is_integer);

/* The kernels of one that was chosen. */
const rnne_kernels *rnne_isa_kernels(rnne_isa isa);
const rnne_q_kernels *rnne_isa_q_kernels(rnne_isa isa);

#endif
