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
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||                              \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "rnnedge: -funsafe-math-optimizations and the parts of -ffast-math change results"
#endif
#if FLT_EVAL_METHOD != 0 && FLT_EVAL_METHOD != 16 /* 16: as 0, of half floats it says more */
#error "rnnedge: floats are kept in wider registers; on 32-bit x86 add -msse2 -mfpmath=sse"
#endif

#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#if __clang_major__ >= 13
#pragma clang fp reassociate(off)
#endif
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#endif
