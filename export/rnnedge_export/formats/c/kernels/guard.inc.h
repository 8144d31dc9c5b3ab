#ifdef __FAST_MATH__
#error "rnnedge: -ffast-math (or -Ofast) changes results; build without it"
#endif
#if defined(__ASSOCIATIVE_MATH__) || defined(__RECIPROCAL_MATH__) ||                              \
    defined(__NO_SIGNED_ZEROS__) || (defined(__FINITE_MATH_ONLY__) && __FINITE_MATH_ONLY__)
#error "rnnedge: -funsafe-math-optimizations and the parts of -ffast-math change results"
#endif
#if defined(__FLT_EVAL_METHOD__) && __FLT_EVAL_METHOD__ != 0 && __FLT_EVAL_METHOD__ != 16
#error "rnnedge: floats are kept in wider registers; on 32-bit x86 add -msse2 -mfpmath=sse"
#endif

/* No fused multiply-add: clang obeys the pragma of the standard, gcc only its own. */
#if defined(__clang__)
#pragma STDC FP_CONTRACT OFF
#if __clang_major__ >= 13
#pragma clang fp reassociate(off)
#endif
#elif defined(__GNUC__)
#pragma GCC optimize("fp-contract=off", "no-tree-loop-distribute-patterns")
#elif defined(_MSC_VER)
#pragma fp_contract(off)
#endif

#include <stddef.h>
#include <stdint.h>

#if defined(__clang__) /* and no call of memcpy() or memset() in place of a loop */
#define RNNE_PUBLIC __attribute__((no_builtin("memcpy", "memset")))
#define RNNE_FUNCTION static inline RNNE_PUBLIC
#define RNNE_INLINE RNNE_FUNCTION __attribute__((always_inline))
#elif defined(__GNUC__)
#define RNNE_PUBLIC
#define RNNE_FUNCTION static inline
#define RNNE_INLINE static inline __attribute__((always_inline))
#else
#define RNNE_PUBLIC
#define RNNE_FUNCTION static inline
#define RNNE_INLINE static inline
#endif
