/* SPDX-License-Identifier: MIT */
/* From readings and times to the integers of a model input (docs/numerics.md, "Segments"). */
#include "guard.h"

#include "bytes.h"
#include "int_rows.h"
#include "integers.h"

/* The nearest integer within +-32767, halves up; NaN gives -32767. */
static int32_t near_integer(float v)
{
    v = v > -32767.0f ? v : -32767.0f;
    v = (v > 32767.0f ? 32767.0f : v) + 0.5f;
    const int32_t cut = (int32_t)v;
    return cut - ((float)cut > v);
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

/* Model input i, finite; *is_unknown: it is a token out of range. */
static int32_t to_integer(const rnne_model *model, size_t i, float x, int *is_unknown)
{
    const rnne_int_inputs *const inputs = &model->inputs;
    const rnne_layer *const first = &model->layers[0];
    x = without_denormals(x);
    if (first->kind == RNNE_EMBEDDING) {
        *is_unknown = !(x >= 0.0f && x < (float)first->hidden_size);
        return *is_unknown ? 0 : (int32_t)x;
    }
    return limited(inputs, i, near_integer((x - inputs->shift[i]) * inputs->rate[i]));
}

float rnne_int_to_reading(const rnne_model *model, size_t i, int32_t q)
{
    return (float)q * model->inputs.step[i] + model->inputs.shift[i];
}

float rnne_int_held(const rnne_model *model, size_t i, float value)
{
    int is_unknown;
    if (!rnne_is_finite(value))
        return value;
    return rnne_int_to_reading(model, i, to_integer(model, i, value, &is_unknown));
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

static void put(rnne_rows *rows, size_t j, size_t i, int32_t q)
{
    const rnne_model *const model = rows->block.model;
    rows->inputs[j * model->input_floats + i] = q;
    rows->q[0][j * rnne_int_padded(model->value_floats) + i] = (int16_t)q;
    if (model->has_float)
        rows->x[j * model->input_floats + i] = rnne_int_to_reading(model, i, q);
}

/* The integer of a missing input. */
static int32_t missing(const rnne_rows *rows, size_t j, size_t i, int *is_unknown)
{
    const rnne_model *const model = rows->block.model;
    const float value = i < model->info.num_features ? held_of(rows, j)[i] : 0.0f;
    return to_integer(model, i, rnne_is_finite(value) ? value : 0.0f, is_unknown);
}

void rnne_rows_accept(rnne_rows *rows, size_t j, const float *x)
{
    const rnne_model *const model = rows->block.model;
    if (!rnne_takes_integers(model)) {
        rnne_accept(model, x, held_of(rows, j), rows->x + j * model->input_floats, 1);
        return;
    }
    for (size_t i = 0; i < model->info.input_size; i++) {
        const int is_known = rnne_is_finite(x[i]);
        int is_unknown = 0;
        const int32_t q =
            is_known ? to_integer(model, i, x[i], &is_unknown) : missing(rows, j, i, &is_unknown);
        rows->block.num_unknown_tokens += (uint64_t)is_unknown;
        if (is_known && i < model->info.num_features)
            held_of(rows, j)[i] = rnne_int_to_reading(model, i, q);
        put(rows, j, i, q);
    }
}

void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x)
{
    const rnne_model *const model = rows->block.model;
    const rnne_layer *const first = &model->layers[0];
    for (size_t i = 0; i < model->info.input_size; i++) {
        int is_unknown = 0;
        int32_t q = x[i];
        if (q == RNNE_MISSING) {
            q = missing(rows, j, i, &is_unknown);
        } else if (first->kind == RNNE_EMBEDDING) {
            is_unknown = q < 0 || (uint32_t)q >= first->hidden_size;
            q = is_unknown ? 0 : q;
        } else {
            q = limited(&model->inputs, i, q);
        }
        rows->block.num_unknown_tokens += (uint64_t)is_unknown;
        if (x[i] != RNNE_MISSING && i < model->info.num_features)
            held_of(rows, j)[i] = rnne_int_to_reading(model, i, q);
        put(rows, j, i, q);
    }
}
