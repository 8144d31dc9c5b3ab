/* SPDX-License-Identifier: MIT */
/* What the kernels of `f32.v1` and `w8a16.v1` share. */
#ifndef RNNE_PANELS_H
#define RNNE_PANELS_H

#define RNNE_PANEL 64      /* output rows stored together; the last panel may be narrower */
#define RNNE_PANEL_STEP 16 /* panels are multiples of this, and so is every padded size */
#define RNNE_BLOCK 32      /* streams of a fleet that lie side by side */

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__i386__))
#define RNNE_HAS_AVX 1
#endif

typedef enum rnne_function {
    RNNE_TANH = 0,
    RNNE_RELU = 1,
    RNNE_SIGMOID = 2,
    RNNE_IDENTITY = 3,
    RNNE_EXP = 4 /* of values <= 0; the only one that is not flushed */
} rnne_function;

#endif
