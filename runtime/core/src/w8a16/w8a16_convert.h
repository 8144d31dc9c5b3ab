/* SPDX-License-Identifier: MIT */
/* From readings to integers and back, one value at a time (docs/numerics.md, "Segments"). */
#ifndef RNNE_W8A16_CONVERT_H
#define RNNE_W8A16_CONVERT_H

#include "../base/bytes.h"
#include "w8a16_kernels.h"

/* The nearest integer within +-largest, halves up; NaN gives -largest. */
static inline int32_t rnne_q_near(float v, float largest)
{
    v = v > -largest ? v : -largest;
    v = (v > largest ? largest : v) + 0.5f;
    const int32_t cut = (int32_t)v;
    return cut - ((float)cut > v);
}

/* Of model input i, as the network takes it. */
static int32_t rnne_q_limited(const rnne_q_inputs *inputs, size_t i, int32_t q)
{
    q = q < inputs->low[i] ? inputs->low[i] : q;
    return q > inputs->high[i] ? inputs->high[i] : q;
}

/* The float32 value that stands for integer q of model input i. */
static inline float rnne_q_reading(const rnne_q_inputs *inputs, size_t i, int32_t q)
{
    return (float)q * inputs->step[i] + inputs->shift[i];
}

/* Model input i, finite. */
static inline int32_t rnne_q_integer(const rnne_q_inputs *inputs, size_t i, float x)
{
    const float v = (rnne_without_denormals(x) - inputs->shift[i]) * inputs->rate[i];
    return rnne_q_limited(inputs, i, rnne_q_near(v, 32767.0f));
}

/* real [n] as integers, behind a float layer: near(real * rate). */
void rnne_q_convert(const float *rate, size_t n, const float *real, int16_t *q);

#endif
