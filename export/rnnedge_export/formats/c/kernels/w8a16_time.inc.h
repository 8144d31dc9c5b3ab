/* ---- sine and cosine of a time's phase, in integers ---- */

/* The inputs derived of one period; gain and offset: 2 each. */
RNNE_FUNCTION void rnne_q_sin_cos(int64_t unix_time_s, uint32_t period_s, int64_t offset_s,
                                  const int32_t *gain, const int32_t *offset, int16_t *out)
{
    const uint32_t turn = rnne_turn(unix_time_s, period_s, offset_s);
    const uint32_t quarter = (turn + ((uint32_t)1 << 29)) >> 30;
    const uint32_t rest = turn - (quarter << 30);
    const int32_t a = (int32_t)((rest ^ 0x80000000u) >> 14) - ((int32_t)1 << 17);
    const int32_t square = rnne_q_shift(a * a, 15);
    int32_t s = rnne_q_shift(square * 82, 15) - 2646, c = rnne_q_shift(square * -13, 15) + 518;
    int32_t sine, cosine;
    s = rnne_q_shift(square * s, 15) + 25735;
    s = rnne_q_shift(a * s, 15);
    c = rnne_q_shift(square * c, 15) - 10102;
    c = rnne_q_shift(square * c, 15) + 32767;
    sine = quarter & 1 ? c : s;
    cosine = quarter & 1 ? s : c;
    sine = quarter & 2 ? -sine : sine;
    cosine = (quarter ^ quarter >> 1) & 1 ? -cosine : cosine;
    out[0] = (int16_t)rnne_q_sat(rnne_q_shift(sine * gain[0] + offset[0], 15));
    out[1] = (int16_t)rnne_q_sat(rnne_q_shift(cosine * gain[1] + offset[1], 15));
}
