/* SPDX-License-Identifier: MIT */
/* The kernels, vectors of 512 bits. */
#include "../base/guard.h"
#include "../base/target.h"
#include "f32_kernels.h"

#ifdef RNNE_HAS_AVX

RNNE_TARGET("avx512f")

#define RNNE_LANES 16
#define RNNE_TABLE rnne_kernels_avx512
#define RNNE_FAST rnne_fast_avx512
#include "f32_kernels.inc.h"

RNNE_TARGET_END

#endif
