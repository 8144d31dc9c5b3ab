/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 256 bits. */
#include "../base/guard.h"

#define RNNE_SETS "avx2"
#define RNNE_LANES 8
#define RNNE_TABLE rnne_kernels_avx2
#define RNNE_FAST rnne_fast_avx2
#include "f32_kernels.inc.h"
