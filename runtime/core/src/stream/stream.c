/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "stream.h"

#include <string.h>

#include "../model/held.h"
#include "../w8a16/w8a16_arithmetic.h"
#include "inputs.h"
#include "state.h"
#include "w8a16_inputs.h"

static rnne_stream *build(rnne_arena *arena, const rnne_model *model)
{
    rnne_block block;
    rnne_rows rows;
    rnne_stream *const stream = rnne_arena_take(arena, sizeof *stream);
    block.state = rnne_arena_take(arena, (uint64_t)model->state_floats * sizeof(float));
    if (model->q_kernels)
        rnne_rows_take(&rows, model, 1, arena);
    else
        rnne_block_take(&block, model, 1, arena);
    if (!arena->base)
        return NULL;
    memset(block.state, 0, model->state_floats * sizeof(float));
    stream->block = block;
    if (model->q_kernels) {
        stream->block.model = model;
        stream->rows = rows;
        stream->rows.states[0] = block.state;
    }
    rnne_reset(stream);
    return stream;
}

size_t rnne_stream_nbytes(const rnne_model *model)
{
    rnne_arena arena = rnne_arena_counting();
    build(&arena, model);
    return (size_t)arena.used;
}

rnne_status rnne_stream_init(void *mem, size_t mem_nbytes, const rnne_model *model,
                             rnne_stream **stream)
{
    *stream = NULL;
    if (mem_nbytes < rnne_stream_nbytes(model))
        return RNNE_MEMORY_TOO_SMALL;
    rnne_arena arena = rnne_arena_in(mem);
    *stream = build(&arena, model);
    return RNNE_OK;
}

const float *rnne_stream_advance(rnne_stream *stream, const float *x)
{
    rnne_block *const block = &stream->block;
    const rnne_model *const model = block->model;
    stream->num_steps++;
    if (model->q_kernels) {
        rnne_rows_accept(&stream->rows, 0, x);
        rnne_rows_step(&stream->rows, 1, 0);
        return stream->rows.y;
    }
    rnne_accept(model, x, block->state + model->held_at, block->x, 1);
    return rnne_block_step(block);
}

rnne_status rnne_step(rnne_stream *stream, const float *x, float *y)
{
    const rnne_model *const model = stream->block.model;
    if (rnne_is_rejected(model, x))
        return RNNE_REJECTED;
    memcpy(y, rnne_stream_advance(stream, x), model->info.output_size * sizeof(float));
    return RNNE_OK;
}

rnne_status rnne_step_q(rnne_stream *stream, const int16_t *x, int16_t *y)
{
    const rnne_model *const model = stream->block.model;
    if (!rnne_takes_integers(model) || model->has_float || model->holds_readings)
        return RNNE_UNSUPPORTED;
    for (size_t i = 0; i < model->info.num_features; i++)
        if (model->features[i].rejects && !rnne_q_is_known(model, i, x[i], RNNE_MISSING))
            return RNNE_REJECTED;
    rnne_rows_accept_q(&stream->rows, 0, x);
    rnne_rows_step(&stream->rows, 1, 0);
    memcpy(y, stream->rows.z[0], model->info.output_size * sizeof *y);
    stream->num_steps++;
    return RNNE_OK;
}

rnne_status rnne_step_q32(rnne_stream *stream, const int32_t *x, int32_t *y)
{
    const rnne_model *const model = stream->block.model;
    const rnne_layer *const last = &model->layers[model->info.num_layers - 1];
    if (!model->holds_readings || model->has_float)
        return RNNE_UNSUPPORTED;
    for (size_t i = 0; i < model->info.num_features; i++)
        if (model->features[i].rejects && !rnne_q_is_known(model, i, x[i], INT32_MIN))
            return RNNE_REJECTED;
    rnne_rows_accept_q32(&stream->rows, 0, x);
    rnne_rows_step(&stream->rows, 1, 0);
    for (size_t i = 0; i < model->info.output_size; i++)
        y[i] = rnne_is_wide(last) ? stream->rows.wide[i] : stream->rows.z[0][i];
    stream->num_steps++;
    return RNNE_OK;
}

static rnne_lane lane_of(const rnne_stream *stream)
{
    /* The state is not const; a stream that is only read from is not changed through it. */
    const rnne_lane lane = {stream->block.model, stream->block.state, 1,
                            (uint64_t *)&stream->num_steps};
    return lane;
}

void rnne_reset(rnne_stream *stream)
{
    const rnne_lane lane = lane_of(stream);
    rnne_lane_reset(&lane);
}

void rnne_values_get(const rnne_stream *stream, float *values)
{
    const rnne_lane lane = lane_of(stream);
    rnne_lane_get(&lane, values);
}

void rnne_values_set(rnne_stream *stream, const float *values, uint64_t num_steps)
{
    const rnne_lane lane = lane_of(stream);
    rnne_lane_set(&lane, values, num_steps);
}

rnne_status rnne_state_get(const rnne_stream *stream, void *snapshot, size_t nbytes)
{
    const rnne_lane lane = lane_of(stream);
    return rnne_lane_snapshot(&lane, snapshot, nbytes);
}

rnne_status rnne_state_set(rnne_stream *stream, const void *snapshot, size_t nbytes,
                           rnne_error *error)
{
    const rnne_lane lane = lane_of(stream);
    return rnne_lane_restore(&lane, snapshot, nbytes, error);
}

uint64_t rnne_num_steps(const rnne_stream *stream)
{
    return stream->num_steps;
}

uint64_t rnne_num_unknown_tokens(const rnne_stream *stream)
{
    const rnne_block *const block =
        stream->block.model->q_kernels ? &stream->rows.block : &stream->block;
    return block->num_unknown_tokens;
}
