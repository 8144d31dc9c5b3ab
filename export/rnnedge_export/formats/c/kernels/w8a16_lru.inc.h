/*
 * An lru in integers; see w8a16_ports.inc.h.
 */

/* The length of a step, with 16 fraction bits. */
RNNE_FUNCTION int64_t rnne_q_lru_length(int32_t q, int32_t gain, int places)
{
    const int64_t v = rnne_q_shift_64((int64_t)q * gain, places);
    return v < 0 ? 0 : v > INT32_MAX ? INT32_MAX : v;
}

/* The share of its way that h goes in a step of that length, as Q30. */
RNNE_FUNCTION int32_t rnne_q_lru_share(int32_t d, int64_t length)
{
    const int32_t one = (int32_t)1 << 30, thirty = (int32_t)30 << 24;
    const int32_t size = (int32_t)rnne_q_shift_64((int64_t)(d < 0 ? -d : d) * 12102203, 10);
    int32_t rate = rnne_q_log2((uint64_t)one + (uint32_t)rnne_q_exp2(size)) - thirty;
    rate += d > 0 ? size : 0;
    return one - rnne_q_exp2(rnne_q_shift_64(rate * length, 16));
}

/* sums: of d, n and o, n values apart. */
RNNE_FUNCTION void rnne_q_lru(size_t n, const int16_t *sums, int64_t length, int32_t *h,
                              int16_t *out)
{
    size_t i, k;
    for (i = 0; i < n; i += RNNE_Q_LANES) {
        int32_t goal[RNNE_Q_LANES], opened[RNNE_Q_LANES];
        for (k = 0; k < RNNE_Q_LANES; k++) {
            const size_t at = i + k < n ? i + k : i;
            goal[k] = sums[n + at];
            opened[k] = sums[2 * n + at];
        }
        rnne_qv_store(goal, rnne_q_tanh(rnne_qv_load(goal)));
        rnne_qv_store(opened, rnne_q_gate(rnne_qv_load(opened)));
        for (k = 0; k < RNNE_Q_LANES && i + k < n; k++) {
            int32_t *const unit = h + i + k;
            const int64_t way = (int64_t)rnne_q_lru_share(sums[i + k], length);
            *unit += (int32_t)rnne_q_shift_64(way * (goal[k] * 512 - *unit), 30);
            out[i + k] = (int16_t)rnne_q_sat(
                (int32_t)rnne_q_shift_64((int64_t)opened[k] * *unit, 25));
        }
    }
}
