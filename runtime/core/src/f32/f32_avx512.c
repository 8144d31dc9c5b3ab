/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 512 bits. */
#include "../base/guard.h"

#define RNNE_SETS "avx512f"
#define RNNE_LANES 16
#define RNNE_TABLE rnne_kernels_avx512
#define RNNE_FAST rnne_fast_avx512
#include "f32_kernels.inc.h"
