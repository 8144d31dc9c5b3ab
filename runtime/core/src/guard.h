/* SPDX-License-Identifier: MIT */
/*
 * First in every source that computes with floats: each operation is rounded on its own
 * (docs/numerics.md).  clang obeys the pragma of the standard, gcc only its own.
 */
#ifndef RNNE_GUARD_H
#define RNNE_GUARD_H

#include <float.h>

#ifdef __FAST_MATH__
#error "rnnedge: -ffast-math (or -Ofast) changes results; build without it"
#endif
#if FLT_EVAL_METHOD != 0
#error "rnnedge: floats are kept in wider registers; on 32-bit x86 add -msse2 -mfpmath=sse"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#endif
