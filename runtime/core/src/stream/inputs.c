/* SPDX-License-Identifier: MIT */
/* From readings to model inputs (docs/numerics.md, "Small and missing values", "Segments"). */
#include "../base/guard.h"

#include "inputs.h"

#include "../model/held.h"
#include "../w8a16/w8a16_arithmetic.h"

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

int rnne_is_filled(const rnne_model *model, const float *x)
{
    for (size_t k = 0; k < model->num_fills; k++) {
        const uint32_t i = model->fills[k].feature;
        if (!rnne_is_plausible(&model->features[i], x[i]))
            return 1;
    }
    return 0;
}

void rnne_keep_forecasts(const rnne_model *model, const float *y, float *held, size_t lanes)
{
    for (size_t k = 0; k < model->num_fills; k++) {
        const rnne_fill *const fill = &model->fills[k];
        const rnne_range range = fill->range;
        float value = y[fill->output * lanes];
        if (!rnne_is_finite(value))
            continue;
        value = value < range.low ? range.low : value;
        value = value > range.high ? range.high : value;
        held[fill->feature * lanes] =
            rnne_takes_integers(model) ? rnne_q_held(model, fill->feature, value) : value;
    }
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

/* ---- integers ---- */

static float *held_of(const rnne_rows *rows, size_t j)
{
    return rows->states[j] + rows->block.model->held_at;
}

/*
 * The integers of row j are in place, as held; what else goes through the layers.  Behind the
 * clipped ones stay those that were not, where layers take them.
 */
static void fill_row(rnne_rows *rows, size_t j)
{
    const rnne_model *const model = rows->block.model;
    int32_t *const inputs = rows->inputs + j * model->input_floats;
    float *const x = rows->x + j * model->input_floats;
    int16_t *const q = rows->q[0] + j * rnne_q_padded(model->value_floats);
    const size_t held = model->readings_at;
    for (size_t i = 0; held && i < model->info.input_size; i++) {
        inputs[held + i] = inputs[i];
        inputs[i] =
            model->holds_readings ? rnne_q_limited(&model->inputs, i, inputs[i]) : inputs[i];
    }
    for (size_t i = 0; i < model->info.input_size; i++)
        q[i] = (int16_t)inputs[i];
    for (size_t i = 0; model->has_float && i < model->info.input_size; i++) {
        x[held + i] = rnne_q_reading(&model->inputs, i, inputs[held + i]);
        x[i] = rnne_q_reading(&model->inputs, i, inputs[i]);
    }
}

/* As rnne_q_accept(), of readings that may not be plausible, or are held before the clip. */
static void accept_readings(rnne_rows *rows, size_t j, const float *x)
{
    const rnne_model *const model = rows->block.model;
    int32_t *const q = rows->inputs + j * model->input_floats;
    float *const held = held_of(rows, j);
    for (size_t i = 0; i < model->info.input_size; i++) {
        const int is_held = i < model->info.num_features;
        const int is_known =
            is_held ? rnne_is_plausible(&model->features[i], x[i]) : rnne_is_finite(x[i]);
        q[i] = rnne_q_of_held(model, i, is_known ? x[i] : is_held ? held[i] : 0.0f);
        if (is_held && is_known)
            held[i] = rnne_q_reading(&model->inputs, i, q[i]);
    }
}

/* A token id, or the held one. */
static void accept_token(rnne_rows *rows, size_t j, float x)
{
    const rnne_model *const model = rows->block.model;
    float *const held = held_of(rows, j);
    const int is_known = rnne_is_plausible(&model->features[0], x);
    const float last = rnne_is_finite(*held) ? *held : 0.0f;
    int is_unknown;
    const int32_t q = rnne_q_token(&model->layers[0], is_known ? x : last, &is_unknown);
    rows->block.num_unknown_tokens += (uint64_t)is_unknown;
    if (is_known)
        *held = rnne_q_reading(&model->inputs, 0, q);
    rows->inputs[j * model->input_floats] = q;
}

void rnne_rows_accept(rnne_rows *rows, size_t j, const float *x)
{
    const rnne_model *const model = rows->block.model;
    if (!rnne_takes_integers(model)) {
        rnne_accept(model, x, held_of(rows, j), rows->x + j * model->input_floats, 1);
        return;
    }
    if (model->takes_tokens)
        accept_token(rows, j, *x);
    else if (model->has_ranges || model->holds_readings)
        accept_readings(rows, j, x);
    else
        model->q_kernels->accept(&model->inputs, model->info.num_features, model->info.input_size,
                                 x, held_of(rows, j), rows->inputs + j * model->input_floats);
    fill_row(rows, j);
}

/* Reading i of row j, as it came or, where it is missing, as it is held. */
static void accept_integer(rnne_rows *rows, size_t j, size_t i, int is_known, int32_t x)
{
    const rnne_model *const model = rows->block.model;
    const rnne_q_inputs *const inputs = &model->inputs;
    float *const held = held_of(rows, j);
    const int is_held = i < model->info.num_features;
    int32_t q = rnne_q_of_held(model, i, is_held ? held[i] : 0.0f);
    if (is_known && model->holds_readings) {
        q = x < inputs->reading_low[i] ? inputs->reading_low[i] : x;
        q = q > inputs->reading_high[i] ? inputs->reading_high[i] : q;
    } else if (is_known) {
        q = rnne_q_limited(inputs, i, x);
    }
    rows->inputs[j * model->input_floats + i] = q;
    if (is_known && is_held)
        held[i] = rnne_q_reading(&model->inputs, i, q);
}

void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x)
{
    const rnne_model *const model = rows->block.model;
    for (size_t i = 0; i < model->info.input_size; i++) {
        const int is_known = rnne_q_is_known(model, i, x[i], RNNE_MISSING);
        if (model->takes_tokens)
            accept_token(rows, j, is_known ? (float)x[i] : rnne_float_from_bits(0x7fc00000u));
        else
            accept_integer(rows, j, i, is_known, x[i]);
    }
    fill_row(rows, j);
}

void rnne_rows_accept_q32(rnne_rows *rows, size_t j, const int32_t *x)
{
    const rnne_model *const model = rows->block.model;
    for (size_t i = 0; i < model->info.input_size; i++)
        accept_integer(rows, j, i, rnne_q_is_known(model, i, x[i], INT32_MIN), x[i]);
    fill_row(rows, j);
}
