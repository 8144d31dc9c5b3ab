/* SPDX-License-Identifier: MIT */
/* The kernels with fused multiply-adds, vectors of 128 bits. */
#include "../base/guard_fast.h"

#define RNNE_LANES 4
#define RNNE_TABLE rnne_fast_vector
#define RNNE_FAST rnne_fast_vector
#include "f32_kernels.inc.h"
