/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "w8a16_convert.h"

void rnne_q_accept(const rnne_q_inputs *inputs, size_t num_features, size_t n, const float *x,
                   float *held, int32_t *q)
{
    for (size_t i = 0; i < n; i++) {
        const int is_held = i < num_features, is_known = rnne_is_finite(x[i]);
        const float last = is_held && rnne_is_finite(held[i]) ? held[i] : 0.0f;
        q[i] = rnne_q_integer(inputs, i, is_known ? x[i] : last);
        if (is_held && is_known)
            held[i] = rnne_q_reading(inputs, i, q[i]);
    }
}

void rnne_q_to_float(size_t n, const int16_t *q, const float *step, const float *offset,
                     float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rnne_flush((float)q[i] * step[i] + offset[i]);
}

void rnne_q_convert(const float *rate, size_t n, const float *real, int16_t *q)
{
    for (size_t i = 0; i < n; i++)
        q[i] = (int16_t)rnne_q_near(real[i] * rate[i], 32767.0f);
}
