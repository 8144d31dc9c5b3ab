#include "rnnedge_f32.h"

/* Right shifts of negative values go towards minus infinity: so do all compilers known. */
typedef char rnne_right_shifts_are_arithmetic[((int32_t)-5 >> 1) == -3 ? 1 : -1];

#if defined(RNNE_PLAIN_C) || !defined(__GNUC__) || defined(__ARM_BIG_ENDIAN)
#elif defined(__ARM_FEATURE_MVE)
#define RNNE_Q_MVE 1
#include <arm_mve.h>
#elif defined(__ARM_FEATURE_SIMD32) && defined(__arm__)
#define RNNE_Q_DSP 1 /* instructions on pairs of 16 bits */
#elif defined(__SSE2__)
#define RNNE_Q_GROUPS 1 /* a group of weights is a vector of 16 bytes */
#include <emmintrin.h>
#elif defined(__aarch64__) && !defined(__AARCH64EB__)
#define RNNE_Q_GROUPS 1
#include <arm_neon.h>
#elif defined(__wasm_simd128__)
#define RNNE_Q_GROUPS 1
#include <wasm_simd128.h>
#endif

#ifdef __GNUC__
#define RNNE_ALIGNED __attribute__((aligned(4))) /* what is loaded by words of 32 bits */
#else
#define RNNE_ALIGNED
#endif

enum { RNNE_Q_LARGEST = 32767, RNNE_Q_MISSING = -32768, RNNE_Q_LARGEST_STATE = 1 << 24 };

RNNE_INLINE int32_t rnne_q_limit(int32_t v, int32_t low, int32_t high)
{
    return v < low ? low : v > high ? high : v;
}

/* At most 32767, of what is not negative. */
RNNE_INLINE int32_t rnne_q_at_most(int32_t v)
{
#if defined(RNNE_Q_DSP)
    int32_t out;
    __asm__("usat %0, #15, %1" : "=r"(out) : "r"(v) : "cc");
    return out;
#else
    return v > RNNE_Q_LARGEST ? RNNE_Q_LARGEST : v;
#endif
}

/* Within [-32767, 32767]. */
RNNE_INLINE int32_t rnne_q_sat(int32_t v)
{
    return rnne_q_limit(v, -RNNE_Q_LARGEST, RNNE_Q_LARGEST);
}

/* v / 2^bits, halves up. */
RNNE_INLINE int32_t rnne_q_shift(int32_t v, int bits)
{
    return (v + ((int32_t)1 << (bits - 1))) >> bits;
}

/* sum * multiplier / 2^32, halves up; the multiplier is 0 to 2^30 - 1. */
RNNE_INLINE int32_t rnne_q_scaled(int32_t sum, int32_t multiplier)
{
#if defined(__thumb__) && !defined(__thumb2__) /* no product of 64 bits */
    const int32_t high = sum >> 16;
    const uint32_t low = (uint32_t)sum & 0xffffu;
    const uint32_t m_high = (uint32_t)multiplier >> 16, m_low = (uint32_t)multiplier & 0xffffu;
    const int32_t middle = high * (int32_t)m_low + (int32_t)(low * m_low >> 16);
    const uint32_t rest = ((uint32_t)middle & 0xffffu) + low * m_high + 0x8000u;
    return high * (int32_t)m_high + (middle >> 16) + (int32_t)(rest >> 16);
#else
    return (int32_t)(((int64_t)sum * multiplier + ((int64_t)1 << 31)) >> 32);
#endif
}
