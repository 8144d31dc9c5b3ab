/* SPDX-License-Identifier: MIT */
/* The kernels with fused multiply-adds, vectors of 128 bits: SSE2, NEON, or what the compiler makes of them. */
#include "../base/guard_fast.h"
#include "f32_kernels.h"

#ifdef __GNUC__

#define RNNE_LANES 4
#define RNNE_TABLE rnne_fast_vector
#define RNNE_FAST rnne_fast_vector
#include "f32_kernels.inc.h"

#endif
