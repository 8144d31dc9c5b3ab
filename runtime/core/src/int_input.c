/* SPDX-License-Identifier: MIT */
/* From readings and times to the integers of a model input (docs/numerics.md, "Segments"). */
#include "guard.h"

#include <float.h>

#include "bytes.h"
#include "int_rows.h"
#include "integers.h"

/* The nearest integer within +-largest, halves up; NaN gives -largest. */
static int32_t near_within(float v, float largest)
{
    v = v > -largest ? v : -largest;
    v = (v > largest ? largest : v) + 0.5f;
    const int32_t cut = (int32_t)v;
    return cut - ((float)cut > v);
}

static int32_t near_integer(float v)
{
    return near_within(v, 32767.0f);
}

static float without_denormals(float value)
{
    return (rnne_bits_of_float(value) & 0x7f800000u) == 0 ? 0.0f : value;
}

static int32_t limited(const rnne_int_inputs *inputs, size_t i, int32_t q)
{
    q = q < inputs->low[i] ? inputs->low[i] : q;
    return q > inputs->high[i] ? inputs->high[i] : q;
}

static float to_reading(const rnne_int_inputs *inputs, size_t i, int32_t q)
{
    return (float)q * inputs->step[i] + inputs->shift[i];
}

/* Model input i, finite. */
static int32_t to_integer(const rnne_int_inputs *inputs, size_t i, float x)
{
    const float v = (without_denormals(x) - inputs->shift[i]) * inputs->rate[i];
    return limited(inputs, i, near_integer(v));
}

/* The same before the clip, where readings are held so. */
static int32_t to_held(const rnne_int_inputs *inputs, size_t i, float x)
{
    const float v = (without_denormals(x) - inputs->shift[i]) * inputs->rate[i];
    const int32_t q = near_within(v, (float)RNNE_LARGEST_READING);
    const int32_t low = inputs->reading_low[i], high = inputs->reading_high[i];
    const int32_t least = q < low ? low : q;
    return least > high ? high : least;
}

static int32_t held_integer(const rnne_model *model, size_t i, float x)
{
    return model->holds_readings ? to_held(&model->inputs, i, x)
                                 : to_integer(&model->inputs, i, x);
}

int32_t rnne_int_of_held(const rnne_model *model, size_t i, float value)
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

void rnne_int_range(const rnne_model *model, size_t i, rnne_range range, int32_t *least,
                    int32_t *most)
{
    const rnne_int_inputs *const in = &model->inputs;
    const float largest = model->holds_readings ? (float)RNNE_LARGEST_READING : 32767.0f;
    if (model->layers[0].kind == RNNE_EMBEDDING) {
        *least = token_end(range.low, 1);
        *most = token_end(range.high, 0);
        return;
    }
    *least = near_within((without_denormals(range.low) - in->shift[i]) * in->rate[i], largest);
    *most = near_within((without_denormals(range.high) - in->shift[i]) * in->rate[i], largest);
    *least = range.low == -FLT_MAX ? -INT32_MAX : *least;
    *most = range.high == FLT_MAX ? INT32_MAX : *most;
}

/* A finite token id; *is_unknown: out of range, and therefore 0. */
static int32_t to_token(const rnne_layer *embedding, float x, int *is_unknown)
{
    *is_unknown = !(x >= 0.0f && x < (float)embedding->hidden_size);
    return *is_unknown ? 0 : (int32_t)x;
}

float rnne_int_to_reading(const rnne_model *model, size_t i, int32_t q)
{
    return to_reading(&model->inputs, i, q);
}

float rnne_int_held(const rnne_model *model, size_t i, float value)
{
    const rnne_layer *const first = &model->layers[0];
    int is_unknown;
    if (!rnne_is_finite(value))
        return value;
    return rnne_int_to_reading(model, i,
                               first->kind == RNNE_EMBEDDING ? to_token(first, value, &is_unknown)
                                                             : held_integer(model, i, value));
}

void rnne_int_accept(const rnne_int_inputs *inputs, size_t num_features, size_t n, const float *x,
                     float *held, int32_t *q)
{
    for (size_t i = 0; i < n; i++) {
        const int is_held = i < num_features, is_known = rnne_is_finite(x[i]);
        const float last = is_held && rnne_is_finite(held[i]) ? held[i] : 0.0f;
        q[i] = to_integer(inputs, i, is_known ? x[i] : last);
        if (is_held && is_known)
            held[i] = to_reading(inputs, i, q[i]);
    }
}

void rnne_int_to_float(size_t n, const int16_t *q, const float *step, const float *offset,
                       float *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = rnne_flush((float)q[i] * step[i] + offset[i]);
}

void rnne_int_convert(const float *rate, size_t n, const float *real, int16_t *q)
{
    for (size_t i = 0; i < n; i++)
        q[i] = (int16_t)near_integer(real[i] * rate[i]);
}

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
    int16_t *const q = rows->q[0] + j * rnne_int_padded(model->value_floats);
    const size_t held = model->readings_at;
    for (size_t i = 0; held && i < model->info.input_size; i++) {
        inputs[held + i] = inputs[i];
        inputs[i] = model->holds_readings ? limited(&model->inputs, i, inputs[i]) : inputs[i];
    }
    for (size_t i = 0; i < model->info.input_size; i++)
        q[i] = (int16_t)inputs[i];
    for (size_t i = 0; model->has_float && i < model->info.input_size; i++) {
        x[held + i] = to_reading(&model->inputs, i, inputs[held + i]);
        x[i] = to_reading(&model->inputs, i, inputs[i]);
    }
}

/* As rnne_int_accept(), of readings that may not be plausible, or are held before the clip. */
static void accept_readings(rnne_rows *rows, size_t j, const float *x)
{
    const rnne_model *const model = rows->block.model;
    int32_t *const q = rows->inputs + j * model->input_floats;
    float *const held = held_of(rows, j);
    for (size_t i = 0; i < model->info.input_size; i++) {
        const int is_held = i < model->info.num_features;
        const int is_known =
            is_held ? rnne_is_plausible(&model->features[i], x[i]) : rnne_is_finite(x[i]);
        q[i] = rnne_int_of_held(model, i, is_known ? x[i] : is_held ? held[i] : 0.0f);
        if (is_held && is_known)
            held[i] = to_reading(&model->inputs, i, q[i]);
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
    const int32_t q = to_token(&model->layers[0], is_known ? x : last, &is_unknown);
    rows->block.num_unknown_tokens += (uint64_t)is_unknown;
    if (is_known)
        *held = rnne_int_to_reading(model, 0, q);
    rows->inputs[j * model->input_floats] = q;
}

void rnne_rows_accept(rnne_rows *rows, size_t j, const float *x)
{
    const rnne_model *const model = rows->block.model;
    if (!rnne_takes_integers(model)) {
        rnne_accept(model, x, held_of(rows, j), rows->x + j * model->input_floats, 1);
        return;
    }
    if (model->layers[0].kind == RNNE_EMBEDDING)
        accept_token(rows, j, *x);
    else if (model->has_ranges || model->holds_readings)
        accept_readings(rows, j, x);
    else
        model->int_kernels->accept(&model->inputs, model->info.num_features,
                                   model->info.input_size, x, held_of(rows, j),
                                   rows->inputs + j * model->input_floats);
    fill_row(rows, j);
}

int rnne_int_is_known(const rnne_model *model, size_t i, int32_t x, int32_t missing)
{
    const rnne_int_inputs *const inputs = &model->inputs;
    if (x == missing || i >= model->info.num_features || !inputs->least)
        return x != missing;
    return x >= inputs->least[i] && x <= inputs->most[i];
}

/* Reading i of row j, as it came or, where it is missing, as it is held. */
static void accept_integer(rnne_rows *rows, size_t j, size_t i, int is_known, int32_t x)
{
    const rnne_model *const model = rows->block.model;
    const rnne_int_inputs *const inputs = &model->inputs;
    float *const held = held_of(rows, j);
    const int is_held = i < model->info.num_features;
    int32_t q = rnne_int_of_held(model, i, is_held ? held[i] : 0.0f);
    if (is_known && model->holds_readings) {
        q = x < inputs->reading_low[i] ? inputs->reading_low[i] : x;
        q = q > inputs->reading_high[i] ? inputs->reading_high[i] : q;
    } else if (is_known) {
        q = limited(inputs, i, x);
    }
    rows->inputs[j * model->input_floats + i] = q;
    if (is_known && is_held)
        held[i] = rnne_int_to_reading(model, i, q);
}

void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x)
{
    const rnne_model *const model = rows->block.model;
    for (size_t i = 0; i < model->info.input_size; i++) {
        const int is_known = rnne_int_is_known(model, i, x[i], RNNE_MISSING);
        if (model->layers[0].kind == RNNE_EMBEDDING)
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
        accept_integer(rows, j, i, rnne_int_is_known(model, i, x[i], INT32_MIN), x[i]);
    fill_row(rows, j);
}
