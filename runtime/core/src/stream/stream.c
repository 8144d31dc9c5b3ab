/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "stream.h"

#include <string.h>

#include "inputs.h"
#include "state.h"

static rnne_stream *build(rnne_arena *arena, const rnne_model *model)
{
    rnne_work work;
    rnne_stream *const stream = rnne_arena_take(arena, sizeof *stream);
    float *const state = rnne_arena_take(arena, (uint64_t)model->state_floats * sizeof *state);
    model->engine->take(&work, model, 1, 0, arena);
    if (!arena->base)
        return NULL;
    memset(state, 0, model->state_floats * sizeof *state);
    stream->model = model;
    stream->state = state;
    stream->work = work;
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
    const rnne_engine *const engine = stream->model->engine;
    engine->accept(&stream->work, 0, stream->state, x);
    engine->step(&stream->work, 1);
    stream->num_steps++;
    return stream->work.block.y;
}

rnne_status rnne_step(rnne_stream *stream, const float *x, float *y)
{
    const rnne_model *const model = stream->model;
    if (rnne_is_rejected(model, x))
        return RNNE_REJECTED;
    memcpy(y, rnne_stream_advance(stream, x), model->info.output_size * sizeof(float));
    return RNNE_OK;
}

static rnne_lane lane_of(const rnne_stream *stream)
{
    /* The state is not const; a stream that is only read from is not changed through it. */
    const rnne_lane lane = {stream->model, stream->state, 1, (uint64_t *)&stream->num_steps};
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
    return stream->work.block.num_unknown_tokens;
}
