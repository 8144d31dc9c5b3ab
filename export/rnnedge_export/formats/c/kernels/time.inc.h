/* ---- sine and cosine of a time's phase (docs/numerics.md of rnnedge, "Derived inputs") ---- */

RNNE_FUNCTION uint64_t rnne_remainder(int64_t value, uint32_t period)
{
    const int64_t rest = value % (int64_t)period;
    return (uint64_t)(rest < 0 ? rest + (int64_t)period : rest);
}

/* The phase of a time as a part of 2^32. */
RNNE_FUNCTION uint32_t rnne_turn(int64_t unix_time_s, uint32_t period_s, int64_t offset_s)
{
    const uint64_t position =
        (rnne_remainder(unix_time_s, period_s) + rnne_remainder(offset_s, period_s)) % period_s;
    return (uint32_t)((position << 32) / period_s);
}

RNNE_FUNCTION void rnne_sin_cos(int64_t unix_time_s, uint32_t period_s, int64_t offset_s,
                                float *out)
{
    const uint32_t turn = rnne_turn(unix_time_s, period_s, offset_s);
    const uint32_t quarter = (turn + ((uint32_t)1 << 29)) >> 30;
    const uint32_t rest = turn - (quarter << 30);
    const int32_t units = (int32_t)((rest ^ 0x80000000u) >> 6) - ((int32_t)1 << 25);
    const float a = (float)units * 9.36267597e-08f; /* 2 pi / 2^26 */
    const float square = a * a;
    const float s =
        a + a * square * (-0.166666523f + square * (0.00833202619f + square * -0.000194986162f));
    const float c =
        (1.0f - 0.5f * square) +
        square * square * (0.0416666418f + square * (-0.00138871488f + square * 2.44157327e-05f));
    const float sine = quarter & 1 ? c : s, cosine = quarter & 1 ? s : c;
    out[0] = quarter & 2 ? -sine : sine;
    out[1] = (quarter ^ quarter >> 1) & 1 ? -cosine : cosine;
}
