/* SPDX-License-Identifier: MIT */
/* Sine and cosine of a time's phase (docs/numerics.md, "Derived inputs"). */
#include "../base/guard.h"

#include "../model/held.h"
#include "../w8a16/w8a16_arithmetic.h"

/* Made by scripts/fit_f32.py. */
#define SIN_0 (-0x1.555542p-3f)
#define SIN_1 0x1.11061ap-7f
#define SIN_2 (-0x1.98ea66p-13f)
#define COS_0 0x1.555548p-5f
#define COS_1 (-0x1.6c0b14p-10f)
#define COS_2 0x1.99a0c6p-16f
#define RADIANS_PER_UNIT 0x1.921fb6p-24f /* 2 pi / 2^26 */

static uint64_t remainder_of(int64_t value, uint32_t period)
{
    const int64_t rest = value % (int64_t)period;
    return (uint64_t)(rest < 0 ? rest + (int64_t)period : rest);
}

static uint32_t turn_of(int64_t time_s, const rnne_derived *derived)
{
    const uint32_t period = derived->period_s;
    const uint64_t sum = remainder_of(time_s, period) + remainder_of(derived->offset_s, period);
    return (uint32_t)(((sum % period) << 32) / period);
}

static void sin_cos(uint32_t turn, float *sine, float *cosine)
{
    const uint32_t quarter = (turn + (1u << 29)) >> 30;
    const uint32_t rest = turn - (quarter << 30);
    const int32_t units = (int32_t)((rest ^ 0x80000000u) >> 6) - (1 << 25); /* signed rest >> 6 */
    const float a = (float)units * RADIANS_PER_UNIT;
    const float square = a * a;
    const float s = a + a * square * (SIN_0 + square * (SIN_1 + square * SIN_2));
    const float c =
        (1.0f - 0.5f * square) + square * square * (COS_0 + square * (COS_1 + square * COS_2));
    const float swapped_s = quarter & 1 ? c : s;
    const float swapped_c = quarter & 1 ? s : c;
    *sine = quarter & 2 ? -swapped_s : swapped_s;
    *cosine = (quarter ^ quarter >> 1) & 1 ? -swapped_c : swapped_c;
}

/* p[0] + s * (p[1] + s * (...)), each product rounded to Q15. */
static int32_t series(const int32_t *p, int n, int32_t s)
{
    int32_t total = p[n - 1];
    for (int i = n - 2; i >= 0; i--)
        total = p[i] + rnne_shifted(s * total, 15);
    return total;
}

static void sin_cos_q(uint32_t turn, int32_t *sine, int32_t *cosine)
{
    static const int32_t sine_of[] = {25735, -2646, 82};
    static const int32_t cosine_of[] = {32767, -10102, 518, -13};
    const uint32_t quarter = (turn + (1u << 29)) >> 30;
    const uint32_t rest = turn - (quarter << 30);
    const int32_t a = (int32_t)((rest ^ 0x80000000u) >> 14) - (1 << 17); /* signed rest >> 14 */
    const int32_t square = rnne_shifted(a * a, 15);
    const int32_t s = rnne_shifted(a * series(sine_of, 3, square), 15);
    const int32_t c = series(cosine_of, 4, square);
    const int32_t swapped_s = quarter & 1 ? c : s;
    const int32_t swapped_c = quarter & 1 ? s : c;
    *sine = quarter & 2 ? -swapped_s : swapped_s;
    *cosine = (quarter ^ quarter >> 1) & 1 ? -swapped_c : swapped_c;
}

/* Column i of the derived inputs as the first layer takes it, from its sine or cosine. */
static int32_t turned(const rnne_model *model, size_t i, int32_t v)
{
    const int64_t wide = (int64_t)v * model->inputs.turn_gain[i] + model->inputs.turn_offset[i];
    return rnne_saturated((int32_t)rnne_shifted_wide(wide, 15));
}

/* Columns 2 i and 2 i + 1. */
static void derive_q(const rnne_model *model, size_t i, int64_t unix_time_s, int32_t out[2])
{
    int32_t sine, cosine;
    sin_cos_q(turn_of(unix_time_s, &model->derived[i]), &sine, &cosine);
    out[0] = turned(model, 2 * i, sine);
    out[1] = turned(model, 2 * i + 1, cosine);
}

rnne_status rnne_time_features_q(const rnne_model *model, int64_t unix_time_s, int16_t *out)
{
    if (!rnne_takes_integers(model) || model->has_float)
        return RNNE_UNSUPPORTED;
    for (size_t i = 0; i < model->info.num_derived; i++) {
        int32_t pair[2];
        derive_q(model, i, unix_time_s, pair);
        out[2 * i] = (int16_t)pair[0];
        out[2 * i + 1] = (int16_t)pair[1];
    }
    return RNNE_OK;
}

void rnne_time_features(const rnne_model *model, int64_t unix_time_s, float *out)
{
    const size_t num_features = model->info.num_features;
    for (size_t i = 0; i < model->info.num_derived; i++, out += 2) {
        int32_t pair[2];
        if (!rnne_takes_integers(model)) {
            sin_cos(turn_of(unix_time_s, &model->derived[i]), out, out + 1);
            continue;
        }
        derive_q(model, i, unix_time_s, pair);
        for (size_t k = 0; k < 2; k++)
            out[k] = rnne_q_reading(&model->inputs, num_features + 2 * i + k, pair[k]);
    }
}
