/*
 * ---- functions: segments of tanh, 1/8 wide: value and slope at the start, bend ----
 */

/* TANH TABLES */

/* Tanh of v / 2^12, times 2^15. */
RNNE_INLINE rnne_qv rnne_q_tanh(rnne_qv v)
{
#ifdef RNNE_Q_MVE
    const int32x4_t largest = vdupq_n_s32(RNNE_Q_LARGEST), sign = vshrq_n_s32(v, 31);
    const uint32x4_t a = vreinterpretq_u32_s32(vminq_s32(vabsq_s32(v), largest));
    const uint32x4_t k = vshrq_n_u32(a, 9);
    const int32x4_t t = vreinterpretq_s32_u32(vandq_u32(a, vdupq_n_u32(511)));
    const int16x8_t line = vreinterpretq_s16_s32(
        vldrwq_gather_shifted_offset_s32((const int32_t *)(const void *)rnne_q_line, k));
    const int32x4_t bend = vldrhq_gather_shifted_offset_s32(rnne_q_bend, k);
    const int32x4_t slope = vmovltq_s16(line) + vrshrq_n_s32(bend * t, 9);
    const int32x4_t y = vmovlbq_s16(line) + vrshrq_n_s32(slope * t, 11);
    return (vminq_s32(y, largest) ^ sign) - sign;
#else
    const int32_t sign = v >> 31;
    const int32_t a = rnne_q_at_most((v ^ sign) - sign);
    const int32_t k = a >> 9, t = a & 511;
    const int32_t slope = rnne_q_line[k][1] + rnne_q_shift(rnne_q_bend[k] * t, 9);
    const int32_t y = rnne_q_line[k][0] + rnne_q_shift(slope * t, 11);
    return (rnne_q_at_most(y) ^ sign) - sign;
#endif
}

/* Sigmoid of v / 2^11, times 2^16: 1 to 65536. */
RNNE_INLINE rnne_qv rnne_q_gate(rnne_qv v)
{
    const rnne_qv gate = rnne_q_tanh(v) + 32768;
    return gate + (gate >> 15);
}

typedef enum rnne_q_function { RNNE_Q_TANH, RNNE_Q_RELU, RNNE_Q_SIGMOID } rnne_q_function;

RNNE_INLINE rnne_qv rnne_q_apply(rnne_q_function function, rnne_qv v)
{
    switch (function) {
    case RNNE_Q_TANH: return rnne_q_tanh(v);
    case RNNE_Q_RELU: return rnne_qv_limit(v, 0, RNNE_Q_LARGEST);
    case RNNE_Q_SIGMOID: break;
    }
    return rnne_qv_sat((rnne_q_gate(v) + 1) >> 1);
}
