/*
 * ---- functions: segments of tanh, 1/8 wide: value and slope at the start, bend ----
 */

/* TANH TABLES */

/* Tanh of v / 2^12, times 2^15. */
RNNE_INLINE int32_t rnne_q_tanh(int32_t v)
{
    const int32_t sign = v >> 31;
    const int32_t a = rnne_q_at_most((v ^ sign) - sign);
    const int32_t k = a >> 9, t = a & 511;
    const int32_t slope = rnne_q_line[k][1] + rnne_q_shift(rnne_q_bend[k] * t, 9);
    const int32_t y = rnne_q_line[k][0] + rnne_q_shift(slope * t, 11);
    return (rnne_q_at_most(y) ^ sign) - sign;
}

/* Sigmoid of v / 2^11, times 2^16: 1 to 65536. */
RNNE_INLINE int32_t rnne_q_gate(int32_t v)
{
    const int32_t gate = rnne_q_tanh(v) + 32768;
    return gate + (gate >> 15);
}

typedef enum rnne_q_function { RNNE_Q_TANH, RNNE_Q_RELU, RNNE_Q_SIGMOID } rnne_q_function;

RNNE_INLINE int32_t rnne_q_apply(rnne_q_function function, int32_t v)
{
    switch (function) {
    case RNNE_Q_TANH: return rnne_q_tanh(v);
    case RNNE_Q_RELU: return rnne_q_limit(v, 0, RNNE_Q_LARGEST);
    case RNNE_Q_SIGMOID: break;
    }
    return rnne_q_at_most((rnne_q_gate(v) + 1) >> 1);
}
