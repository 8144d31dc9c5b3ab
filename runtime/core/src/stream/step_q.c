/* SPDX-License-Identifier: MIT */
/* Steps on integers (rnnedge_q.h). */
#include "../base/guard.h"

#include <string.h>

#include "../model/held.h"
#include "../w8a16/w8a16_arithmetic.h"
#include "stream.h"
#include "inputs.h"

static rnne_rows *rows_of(rnne_stream *stream)
{
    stream->work.rows.states[0] = stream->state;
    return &stream->work.rows;
}

static void step(rnne_stream *stream)
{
    const rnne_model *const model = stream->model;
    model->engine->step(&stream->work, 1);
    rnne_keep_forecasts(model, stream->work.block.y, stream->state + model->held_at, 1);
    stream->num_steps++;
}

rnne_status rnne_step_q(rnne_stream *stream, const int16_t *x, int16_t *y)
{
    const rnne_model *const model = stream->model;
    if (!rnne_takes_integers(model) || model->has_float || model->holds_readings)
        return RNNE_UNSUPPORTED;
    for (size_t i = 0; i < model->info.num_features; i++)
        if (model->features[i].rejects && !rnne_q_is_known(model, i, x[i], RNNE_MISSING))
            return RNNE_REJECTED;
    rnne_rows_accept_q(rows_of(stream), 0, x);
    step(stream);
    memcpy(y, stream->work.rows.z[0], model->info.output_size * sizeof *y);
    return RNNE_OK;
}

rnne_status rnne_scales_q(const rnne_model *model, float *x_step, float *x_shift, float *y_step,
                          float *y_shift)
{
    const size_t x_nbytes = model->info.input_size * sizeof(float);
    const size_t y_nbytes = model->info.output_size * sizeof(float);
    const rnne_layer *const last = &model->layers[model->info.num_layers - 1];
    if (!rnne_takes_integers(model) || model->has_float)
        return RNNE_UNSUPPORTED;
    if (x_step)
        memcpy(x_step, model->inputs.step, x_nbytes);
    if (x_shift)
        memcpy(x_shift, model->inputs.shift, x_nbytes);
    if (y_step)
        memcpy(y_step, last->q.step, y_nbytes);
    if (y_shift)
        memcpy(y_shift, last->q.offset, y_nbytes);
    return RNNE_OK;
}

rnne_status rnne_step_q32(rnne_stream *stream, const int32_t *x, int32_t *y)
{
    const rnne_model *const model = stream->model;
    const rnne_layer *const last = &model->layers[model->info.num_layers - 1];
    if (!model->holds_readings || model->has_float)
        return RNNE_UNSUPPORTED;
    for (size_t i = 0; i < model->info.num_features; i++)
        if (model->features[i].rejects && !rnne_q_is_known(model, i, x[i], INT32_MIN))
            return RNNE_REJECTED;
    rnne_rows_accept_q32(rows_of(stream), 0, x);
    step(stream);
    for (size_t i = 0; i < model->info.output_size; i++)
        y[i] = rnne_is_wide(last) ? stream->work.rows.wide[i] : stream->work.rows.z[0][i];
    return RNNE_OK;
}
