/* SPDX-License-Identifier: MIT */
/* Sine and cosine of a time's phase (docs/numerics.md, "Derived inputs"). */
#include "guard.h"

#include "model.h"

/* Made by scripts/fit_sincos.py. */
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

void rnne_time_features(const rnne_model *model, int64_t unix_time_s, float *out)
{
    for (size_t i = 0; i < model->info.num_derived; i++)
        sin_cos(turn_of(unix_time_s, &model->derived[i]), out + 2 * i, out + 2 * i + 1);
}
