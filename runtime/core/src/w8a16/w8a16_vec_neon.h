/* SPDX-License-Identifier: MIT */
/* What w8a16_cells.inc.h needs, of NEON on AArch64: two registers to a vector. */
#include <arm_neon.h>

#include "w8a16_arithmetic.h"

#define VEC_INLINE static inline __attribute__((always_inline, unused))
#define VEC_HALF 8 /* int32 in a vw; twice as many int16 in a vb */

typedef struct vw {
    int32x4_t a, b;
} vw;

typedef struct vb {
    int16x8_t a, b;
} vb;

VEC_INLINE vw vw_load(const int32_t *p)
{
    return (vw){vld1q_s32(p), vld1q_s32(p + 4)};
}

VEC_INLINE void vw_store(int32_t *p, vw v)
{
    vst1q_s32(p, v.a);
    vst1q_s32(p + 4, v.b);
}

VEC_INLINE vw vw_splat(int32_t s)
{
    return (vw){vdupq_n_s32(s), vdupq_n_s32(s)};
}

/* A function of two vectors, register by register. */
#define TWICE(name, of_one)                                                                       \
    VEC_INLINE vw name(vw x, vw y)                                                                \
    {                                                                                             \
        return (vw){of_one(x.a, y.a), of_one(x.b, y.b)};                                          \
    }

TWICE(vw_add, vaddq_s32)
TWICE(vw_sub, vsubq_s32)
TWICE(vw_mul, vmulq_s32)

VEC_INLINE vw vw_limit(vw v, int32_t largest)
{
    const int32x4_t high = vdupq_n_s32(largest), low = vdupq_n_s32(-largest);
    return (vw){vmaxq_s32(vminq_s32(v.a, high), low), vmaxq_s32(vminq_s32(v.b, high), low)};
}

VEC_INLINE vw vw_shift_left(vw v, int bits)
{
    const int32x4_t count = vdupq_n_s32(bits);
    return (vw){vshlq_s32(v.a, count), vshlq_s32(v.b, count)};
}

/* v >> 15, of v that is not negative. */
VEC_INLINE vw vw_shift_down15(vw v)
{
    return (vw){vshrq_n_s32(v.a, 15), vshrq_n_s32(v.b, 15)};
}

/* Halves up. */
VEC_INLINE vw vw_shift(vw v, int bits)
{
    const int32x4_t count = vdupq_n_s32(-bits);
    return (vw){vrshlq_s32(v.a, count), vrshlq_s32(v.b, count)};
}

VEC_INLINE int32x4_t mul_shift16(int32x4_t a, int32x4_t b)
{
    const int32x2_t low = vrshrn_n_s64(vmull_s32(vget_low_s32(a), vget_low_s32(b)), 16);
    return vcombine_s32(low, vrshrn_n_s64(vmull_high_s32(a, b), 16));
}

/* shift(a * b, 16) of 64-bit products; the result fits 32 bits. */
TWICE(vw_mul_shift16, mul_shift16)

/* scaled(sum, multiplier) */
VEC_INLINE int32x4_t scaled(int32x4_t sum, int32x4_t multiplier)
{
    const int64x2_t low = vmull_s32(vget_low_s32(sum), vget_low_s32(multiplier));
    return vcombine_s32(vrshrn_n_s64(low, 32), vrshrn_n_s64(vmull_high_s32(sum, multiplier), 32));
}

VEC_INLINE void vb_store(int16_t *p, vb v)
{
    vst1q_s16(p, v.a);
    vst1q_s16(p + 8, v.b);
}

VEC_INLINE int16x8_t pack(int32x4_t low, int32x4_t high)
{
    const int16x8_t packed = vcombine_s16(vqmovn_s32(low), vqmovn_s32(high));
    return vmaxq_s16(packed, vdupq_n_s16(-32767));
}

/* Within +-32767. */
VEC_INLINE vb vb_pack(vw low, vw high)
{
    return (vb){pack(low.a, low.b), pack(high.a, high.b)};
}

VEC_INLINE vw vb_low(vb v)
{
    return (vw){vmovl_s16(vget_low_s16(v.a)), vmovl_high_s16(v.a)};
}

VEC_INLINE vw vb_high(vb v)
{
    return (vw){vmovl_s16(vget_low_s16(v.b)), vmovl_high_s16(v.b)};
}

VEC_INLINE vb vb_relu(vb v)
{
    return (vb){vmaxq_s16(v.a, vdupq_n_s16(0)), vmaxq_s16(v.b, vdupq_n_s16(0))};
}

/* The table at rnne_tanh_bytes[2 * i] for 16 lanes. */
VEC_INLINE vb look_up(int i, uint8x16_t k)
{
    const uint8_t *const bytes = rnne_tanh_bytes[2 * i];
    const uint8x16_t low = vqtbl4q_u8(vld1q_u8_x4(bytes), k);
    const uint8x16_t high = vqtbl4q_u8(vld1q_u8_x4(bytes + RNNE_TANH_SEGMENTS), k);
    return (vb){vreinterpretq_s16_u8(vzip1q_u8(low, high)),
                vreinterpretq_s16_u8(vzip2q_u8(low, high))};
}

VEC_INLINE int16x8_t parabola(int16x8_t u, int16x8_t value, int16x8_t slope, int16x8_t bend)
{
    const int16x8_t t = vandq_s16(vabsq_s16(u), vdupq_n_s16(511));
    const int16x8_t p = vaddq_s16(slope, vqrdmulhq_s16(bend, vshlq_n_s16(t, 6)));
    const int16x8_t v = vqaddq_s16(value, vqrdmulhq_s16(p, vshlq_n_s16(t, 4)));
    return vbslq_s16(vcltzq_s16(u), vnegq_s16(v), v);
}

VEC_INLINE vb vb_tanh(vb u)
{
    const int16x8_t a = vshrq_n_s16(vabsq_s16(u.a), 9), b = vshrq_n_s16(vabsq_s16(u.b), 9);
    const uint8x16_t k = vreinterpretq_u8_s8(vcombine_s8(vmovn_s16(a), vmovn_s16(b)));
    const vb value = look_up(0, k), slope = look_up(1, k), bend = look_up(2, k);
    return (vb){parabola(u.a, value.a, slope.a, bend.a), parabola(u.b, value.b, slope.b, bend.b)};
}
