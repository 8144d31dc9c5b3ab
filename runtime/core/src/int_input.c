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
                               first->kind == RNNE_EMBEDDING
                                   ? to_token(first, value, &is_unknown)
                                   : to_integer(&model->inputs, i, value));
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

/* The integers of row j are in place; what else goes through the layers. */
static void fill_row(rnne_rows *rows, size_t j)
{
    const rnne_model *const model = rows->block.model;
    const int32_t *const inputs = rows->inputs + j * model->input_floats;
    int16_t *const q = rows->q[0] + j * rnne_int_padded(model->value_floats);
    for (size_t i = 0; i < model->info.input_size; i++)
        q[i] = (int16_t)inputs[i];
    for (size_t i = 0; model->has_float && i < model->info.input_size; i++)
        rows->x[j * model->input_floats + i] = to_reading(&model->inputs, i, inputs[i]);
}

/* A token id, or the held one. */
static void accept_token(rnne_rows *rows, size_t j, float x)
{
    const rnne_model *const model = rows->block.model;
    float *const held = held_of(rows, j);
    const int is_known = rnne_is_finite(x);
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
    else
        model->int_kernels->accept(&model->inputs, model->info.num_features,
                                   model->info.input_size, x, held_of(rows, j),
                                   rows->inputs + j * model->input_floats);
    fill_row(rows, j);
}

void rnne_rows_accept_q(rnne_rows *rows, size_t j, const int16_t *x)
{
    const rnne_model *const model = rows->block.model;
    int32_t *const q = rows->inputs + j * model->input_floats;
    float *const held = held_of(rows, j);
    for (size_t i = 0; i < model->info.input_size; i++) {
        const int is_known = x[i] != RNNE_MISSING, is_held = i < model->info.num_features;
        if (model->layers[0].kind == RNNE_EMBEDDING) {
            accept_token(rows, j, is_known ? (float)x[i] : rnne_float_from_bits(0x7fc00000u));
            continue;
        }
        const float last = is_held && rnne_is_finite(held[i]) ? held[i] : 0.0f;
        q[i] = is_known ? limited(&model->inputs, i, x[i]) : to_integer(&model->inputs, i, last);
        if (is_known && is_held)
            held[i] = rnne_int_to_reading(model, i, q[i]);
    }
    fill_row(rows, j);
}
