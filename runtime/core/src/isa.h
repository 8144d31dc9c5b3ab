/* SPDX-License-Identifier: MIT */
#ifndef RNNE_ISA_H
#define RNNE_ISA_H

#include "int_kernels.h"
#include "kernels.h"
#include "rnnedge.h"

/*
 * The instruction set itself, or for RNNE_ISA_AUTO the best one here for a model of `w8a16.v1`
 * (is_integer) or `f32.v1`.  RNNE_ISA_AUTO: it is not here.
 */
rnne_isa rnne_isa_chosen(rnne_isa isa, int is_integer);

/* The kernels of one that was chosen. */
const rnne_kernels *rnne_isa_kernels(rnne_isa isa);
const rnne_int_kernels *rnne_isa_int_kernels(rnne_isa isa);

#endif
