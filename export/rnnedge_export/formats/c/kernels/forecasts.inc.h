/*
 * What is held after a step where forecasts fill holes: the output y within [low, high], if it is
 * finite.  Each definition is put into a source that calls it.
 */

RNNE_FUNCTION void rnne_f32_keep_forecast(float y, float low, float high, float *held)
{
    if (!rnne_is_finite(y))
        return;
    y = y < low ? low : y;
    *held = y > high ? high : y;
}

/* The output that an integer stands for. */
RNNE_FUNCTION float rnne_q_output(int32_t q, float step, float offset)
{
    return rnne_flush((float)q * step + offset);
}

/* As a reading in 16 bits. */
RNNE_FUNCTION void rnne_q_keep_forecast(float y, float low, float high, float shift, float rate,
                                        int16_t least, int16_t most, int16_t *held)
{
    int16_t q;
    if (!rnne_is_finite(y))
        return;
    y = y < low ? low : y;
    y = y > high ? high : y;
    q = rnne_q_of_reading(y, shift, rate);
    *held = q < least ? least : q > most ? most : q;
}

/* As a reading before the clip. */
RNNE_FUNCTION void rnne_q_keep_forecast_32(float y, float low, float high, float shift,
                                           float rate, int32_t least, int32_t most,
                                           int32_t *held)
{
    if (!rnne_is_finite(y))
        return;
    y = y < low ? low : y;
    y = y > high ? high : y;
    *held = rnne_q_limit(rnne_q_of_reading_32(y, shift, rate), least, most);
}

/* As a token. */
RNNE_FUNCTION void rnne_q_keep_forecast_token(float y, float low, float high, float rows,
                                              int16_t *held)
{
    if (!rnne_is_finite(y))
        return;
    y = y < low ? low : y;
    y = y > high ? high : y;
    *held = rnne_q_of_token(y, rows);
}
