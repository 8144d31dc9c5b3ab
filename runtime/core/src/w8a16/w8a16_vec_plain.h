/* SPDX-License-Identifier: MIT */
/* What w8a16_functions.inc.h needs, in plain C, one value at a time. */
#include "w8a16_arithmetic.h"

#define VEC_INLINE static inline
#define VEC_HALF 1 /* int32 in a vw; twice as many int16 in a vb */

typedef int32_t vw;
typedef struct vb {
    int32_t low, high;
} vb;

#define vw_load(p) (*(p))
#define vw_store(p, v) (*(p) = (v))
#define vw_splat(s) (s)
#define vw_add(a, b) ((a) + (b))
#define vw_sub(a, b) ((a) - (b))
#define vw_mul(a, b) ((a) * (b))
#define vw_limit(v, largest) rnne_limited(v, largest)
#define vw_shift_left(v, bits) ((v) * (1 << (bits)))
#define vw_shift_down15(v) ((v) >> 15)
#define vw_shift(v, bits) rnne_shifted(v, bits)
#define vw_mul_shift16(a, b) ((vw)rnne_shifted_wide((int64_t)(a) * (b), 16))
#define vb_low(v) ((v).low)
#define vb_high(v) ((v).high)

VEC_INLINE vb vb_pack(vw low, vw high)
{
    const vb v = {rnne_saturated(low), rnne_saturated(high)};
    return v;
}

VEC_INLINE void vb_store(int16_t *p, vb v)
{
    p[0] = (int16_t)v.low;
    p[1] = (int16_t)v.high;
}

VEC_INLINE vb vb_relu(vb v)
{
    return vb_pack(v.low < 0 ? 0 : v.low, v.high < 0 ? 0 : v.high);
}

VEC_INLINE vb vb_tanh(vb v)
{
    return vb_pack(rnne_tanh_q(v.low), rnne_tanh_q(v.high));
}
