/* SPDX-License-Identifier: MIT */
/* The kernels, plain C, one value at a time: always built. */
#include "../base/guard.h"

#define RNNE_LANES 1
#define RNNE_TABLE rnne_kernels_plain
#define RNNE_FAST rnne_kernels_plain
#include "f32_kernels.inc.h"
