/* ---- vectors of RNNE_Q_LANES sums, beside + - * ---- */

#ifdef RNNE_Q_MVE
#define RNNE_Q_LANES 4
typedef int32x4_t rnne_qv;

RNNE_INLINE rnne_qv rnne_qv_load(const int32_t *p)
{
    return vldrwq_s32(p);
}

RNNE_INLINE rnne_qv rnne_qv_load16(const int16_t *p)
{
    return vldrhq_s32(p);
}

RNNE_INLINE void rnne_qv_store(int32_t *p, rnne_qv v)
{
    vstrwq_s32(p, v);
}

RNNE_INLINE void rnne_qv_store16(int16_t *p, rnne_qv v)
{
    vstrhq_s32(p, v);
}

RNNE_INLINE rnne_qv rnne_qv_limit(rnne_qv v, int32_t low, int32_t high)
{
    return vminq_s32(vmaxq_s32(v, vdupq_n_s32(low)), vdupq_n_s32(high));
}

/* v / 2^bits, halves up. */
RNNE_INLINE rnne_qv rnne_qv_shift(rnne_qv v, int bits)
{
    return vrshlq_n_s32(v, -bits);
}

/* v + sum * multiplier / 2^32, halves up. */
RNNE_INLINE rnne_qv rnne_qv_onto(rnne_qv v, rnne_qv sum, rnne_qv multiplier)
{
    return vaddq_s32(v, vrmulhq_s32(sum, multiplier));
}

RNNE_INLINE rnne_qv rnne_qv_part(rnne_qv gate, rnne_qv v)
{
    const uint32x4_t low = vmovlbq_u16(vreinterpretq_u16_s32(v));
    const uint32x4_t rest = vrshrq_n_u32(vmulq_u32(vreinterpretq_u32_s32(gate), low), 16);
    return vaddq_s32(vmulq_s32(gate, vshrq_n_s32(v, 16)), vreinterpretq_s32_u32(rest));
}
#else
#define RNNE_Q_LANES 1
typedef int32_t rnne_qv;

RNNE_INLINE rnne_qv rnne_qv_load(const int32_t *p)
{
    return *p;
}

RNNE_INLINE rnne_qv rnne_qv_load16(const int16_t *p)
{
    return *p;
}

RNNE_INLINE void rnne_qv_store(int32_t *p, rnne_qv v)
{
    *p = v;
}

RNNE_INLINE void rnne_qv_store16(int16_t *p, rnne_qv v)
{
    *p = (int16_t)v;
}

RNNE_INLINE rnne_qv rnne_qv_limit(rnne_qv v, int32_t low, int32_t high)
{
    return rnne_q_limit(v, low, high);
}

/* v / 2^bits, halves up. */
RNNE_INLINE rnne_qv rnne_qv_shift(rnne_qv v, int bits)
{
    return rnne_q_shift(v, bits);
}

/* v + sum * multiplier / 2^32, halves up. */
RNNE_INLINE rnne_qv rnne_qv_onto(rnne_qv v, rnne_qv sum, rnne_qv multiplier)
{
#ifdef RNNE_Q_DSP
    rnne_qv out;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(out) : "r"(sum), "r"(multiplier), "r"(v));
    return out;
#else
    return v + rnne_q_scaled(sum, multiplier);
#endif
}

/* The part of v that a gate, 0 to 2^16, lets through: gate * v / 2^16, halves up. */
RNNE_INLINE rnne_qv rnne_qv_part(rnne_qv gate, rnne_qv v)
{
    const uint32_t low = (uint32_t)v & 0xffffu;
    return gate * (v >> 16) + (int32_t)(((uint32_t)gate * low + 0x8000u) >> 16);
}
#endif

RNNE_INLINE rnne_qv rnne_qv_sat(rnne_qv v)
{
    return rnne_qv_limit(v, -RNNE_Q_LARGEST, RNNE_Q_LARGEST);
}
