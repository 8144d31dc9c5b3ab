/* SPDX-License-Identifier: MIT */
#ifndef RNNE_ISA_H
#define RNNE_ISA_H

#include "kernels.h"
#include "rnnedge.h"

/* The kernels of an instruction set; RNNE_ISA_AUTO becomes the one chosen.  NULL: not here. */
const rnne_kernels *rnne_isa_kernels(rnne_isa *isa);

#endif
