/* SPDX-License-Identifier: MIT */
/* From readings to model inputs (docs/numerics.md, "Small and missing values"). */
#include "../base/guard.h"

#include "inputs.h"

#include "../base/bytes.h"

int rnne_is_plausible(const rnne_feature *feature, float value)
{
    return rnne_key_of_float(value) - feature->least <= feature->span;
}

int rnne_is_rejected(const rnne_model *model, const float *x)
{
    for (size_t i = 0; i < model->info.num_features; i++)
        if (model->features[i].rejects && !rnne_is_plausible(&model->features[i], x[i]))
            return 1;
    return 0;
}

/* A held value as layers take it, finite. */
static float reading_of(float held)
{
    return rnne_is_finite(held) ? rnne_without_denormals(held) : 0.0f;
}

/* The readings before the clip, behind the model input in `to`. */
static void keep_readings(const rnne_model *model, const float *held, float *to, size_t lanes)
{
    float *const readings = to + model->readings_at * lanes;
    for (size_t i = 0; i < model->info.input_size; i++)
        readings[i * lanes] =
            i < model->info.num_features ? reading_of(held[i * lanes]) : to[i * lanes];
}

void rnne_accept(const rnne_model *model, const float *x, float *held, float *to, size_t lanes)
{
    const size_t num_features = model->info.num_features;
    for (size_t i = 0; i < num_features; i++) {
        const rnne_feature *const feature = &model->features[i];
        if (rnne_is_plausible(feature, x[i]))
            held[i * lanes] = x[i];
        float value = reading_of(held[i * lanes]);
        value = value < feature->low ? feature->low : value;
        to[i * lanes] = value > feature->high ? feature->high : value;
    }
    for (size_t i = num_features; i < model->info.input_size; i++)
        to[i * lanes] = rnne_is_finite(x[i]) ? rnne_without_denormals(x[i]) : 0.0f;
    if (model->readings_at)
        keep_readings(model, held, to, lanes);
}
