/* SPDX-License-Identifier: MIT */
/* The kernels with fused multiply-adds, vectors of 512 bits. */
#include "../base/guard_fast.h"

#define RNNE_SETS "avx512f"
#define RNNE_FUSES 1
#define RNNE_LANES 16
#define RNNE_TABLE rnne_fast_avx512
#define RNNE_FAST rnne_fast_avx512
#include "f32_kernels.inc.h"
