/* SPDX-License-Identifier: MIT */
/* The kernels with fused multiply-adds, vectors of 256 bits. */
#include "../base/guard_fast.h"

#define RNNE_SETS "avx2,fma"
#define RNNE_LANES 8
#define RNNE_TABLE rnne_fast_avx2
#define RNNE_FAST rnne_fast_avx2
#include "f32_kernels.inc.h"
