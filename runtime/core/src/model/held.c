/* SPDX-License-Identifier: MIT */
/* Readings as a model of `w8a16.v1` holds them (docs/numerics.md, "Segments"). */
#include "../base/guard.h"

#include <float.h>

#include "held.h"

#include "../w8a16/w8a16_arithmetic.h"

/* The same before the clip, where readings are held so. */
static int32_t to_held(const rnne_q_inputs *inputs, size_t i, float x)
{
    const float v = (rnne_without_denormals(x) - inputs->shift[i]) * inputs->rate[i];
    const int32_t q = rnne_q_near(v, (float)RNNE_LARGEST_READING);
    const int32_t low = inputs->reading_low[i], high = inputs->reading_high[i];
    const int32_t least = q < low ? low : q;
    return least > high ? high : least;
}

static int32_t held_integer(const rnne_model *model, size_t i, float x)
{
    return model->holds_readings ? to_held(&model->inputs, i, x)
                                 : rnne_q_integer(&model->inputs, i, x);
}

int32_t rnne_q_of_held(const rnne_model *model, size_t i, float value)
{
    return held_integer(model, i, rnne_is_finite(value) ? value : 0.0f);
}

/* The smallest or the largest integer token beyond `end`, and no further than an int16 is. */
static int32_t token_end(float end, int is_least)
{
    const float most = 32768.0f;
    const float v = end < -most ? -most : end > most ? most : end;
    const int32_t cut = (int32_t)v;
    return is_least ? cut + ((float)cut < v) : cut - ((float)cut > v);
}

void rnne_q_range(const rnne_model *model, size_t i, rnne_range range, int32_t *least,
                  int32_t *most)
{
    const rnne_q_inputs *const in = &model->inputs;
    const float largest = model->holds_readings ? (float)RNNE_LARGEST_READING : 32767.0f;
    if (model->takes_tokens) {
        *least = token_end(range.low, 1);
        *most = token_end(range.high, 0);
        return;
    }
    *least =
        rnne_q_near((rnne_without_denormals(range.low) - in->shift[i]) * in->rate[i], largest);
    *most =
        rnne_q_near((rnne_without_denormals(range.high) - in->shift[i]) * in->rate[i], largest);
    *least = range.low == -FLT_MAX ? -INT32_MAX : *least;
    *most = range.high == FLT_MAX ? INT32_MAX : *most;
}

int32_t rnne_q_token(const rnne_layer *embedding, float x, int *is_unknown)
{
    *is_unknown = !(x >= 0.0f && x < (float)embedding->hidden_size);
    return *is_unknown ? 0 : (int32_t)x;
}

float rnne_q_held(const rnne_model *model, size_t i, float value)
{
    int is_unknown;
    if (!rnne_is_finite(value))
        return value;
    return rnne_q_reading(&model->inputs, i,
                          model->takes_tokens ? rnne_q_token(&model->layers[0], value, &is_unknown)
                                              : held_integer(model, i, value));
}

int rnne_q_is_known(const rnne_model *model, size_t i, int32_t x, int32_t missing)
{
    const rnne_q_inputs *const inputs = &model->inputs;
    if (x == missing || i >= model->info.num_features || !inputs->least)
        return x != missing;
    return x >= inputs->least[i] && x <= inputs->most[i];
}
