/* SPDX-License-Identifier: MIT */
/* The opposite of guard.h, for the one product that a caller may ask to be fused. */
#ifndef RNNE_GUARD_FAST_H
#define RNNE_GUARD_FAST_H

#if defined(__clang__)
#pragma STDC FP_CONTRACT ON
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=fast")
#elif defined(_MSC_VER)
#pragma fp_contract(on)
#endif

#endif
