/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 128 bits: SSE2, NEON, or what the compiler makes of them. */
#include "../base/guard.h"

#define RNNE_LANES 4
#define RNNE_TABLE rnne_kernels_vector
#define RNNE_FAST rnne_fast_vector
#include "f32_kernels.inc.h"
