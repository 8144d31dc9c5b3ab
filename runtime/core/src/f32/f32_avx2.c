/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 256 bits. */
#include "../base/guard.h"
#include "../base/target.h"
#include "f32_kernels.h"

#ifdef RNNE_HAS_AVX

RNNE_TARGET("avx2")

#define RNNE_LANES 8
#define RNNE_TABLE rnne_kernels_avx2
#define RNNE_FAST rnne_fast_avx2
#include "f32_kernels.inc.h"

RNNE_TARGET_END

#endif
