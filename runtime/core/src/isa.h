/* SPDX-License-Identifier: MIT */
#ifndef RNNE_ISA_H
#define RNNE_ISA_H

#include "int_kernels.h"
#include "kernels.h"
#include "rnnedge.h"

/* The kernels of an instruction set; RNNE_ISA_AUTO becomes the one chosen.  NULL: not here. */
const rnne_kernels *rnne_isa_kernels(rnne_isa *isa);

/* Those of `w8a16.v1`, for an instruction set that was chosen. */
const rnne_int_kernels *rnne_isa_int_kernels(rnne_isa isa);

#endif
