/* SPDX-License-Identifier: MIT */
/* From readings to model inputs (docs/numerics.md, "Small and missing values"). */
#include "guard.h"

#include "block.h"
#include "bytes.h"

int rnne_is_plausible(const rnne_feature *feature, float value)
{
    const int32_t key = rnne_key_of_float(value);
    return key >= feature->least && key <= feature->most;
}

int rnne_is_rejected(const rnne_model *model, const float *x)
{
    for (size_t i = 0; i < model->info.num_features; i++)
        if (model->features[i].rejects && !rnne_is_plausible(&model->features[i], x[i]))
            return 1;
    return 0;
}

/* A denormal counts as zero, whether or not the processor sees it as one. */
static float without_denormals(float value)
{
    return (rnne_bits_of_float(value) & 0x7f800000u) == 0 ? 0.0f : value;
}

void rnne_accept(const rnne_model *model, const float *x, float *held, float *to, size_t lanes)
{
    const size_t num_features = model->info.num_features;
    for (size_t i = 0; i < num_features; i++) {
        const rnne_feature *const feature = &model->features[i];
        float value = x[i];
        if (rnne_is_plausible(feature, value))
            held[i * lanes] = value;
        else
            value = held[i * lanes];
        value = rnne_is_finite(value) ? without_denormals(value) : 0.0f;
        to[(model->readings_at + i) * lanes] = value;
        value = value < feature->low ? feature->low : value;
        to[i * lanes] = value > feature->high ? feature->high : value;
    }
    for (size_t i = num_features; i < model->info.input_size; i++) {
        const float value = rnne_is_finite(x[i]) ? without_denormals(x[i]) : 0.0f;
        to[(model->readings_at + i) * lanes] = value;
        to[i * lanes] = value;
    }
}
