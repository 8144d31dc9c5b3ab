/* SPDX-License-Identifier: MIT */
/* Functions between RNNE_TARGET("avx2") and RNNE_TARGET_END may use these instructions. */
#ifndef RNNE_TARGET_H
#define RNNE_TARGET_H

#define RNNE_PRAGMA(text) _Pragma(#text)
#ifdef __clang__
#define RNNE_TARGET(sets)                                                                         \
    RNNE_PRAGMA(clang attribute push(__attribute__((target(sets))), apply_to = function))
#define RNNE_TARGET_END RNNE_PRAGMA(clang attribute pop)
#else
#define RNNE_TARGET(sets) RNNE_PRAGMA(GCC target(sets))
#define RNNE_TARGET_END
#endif

#endif
