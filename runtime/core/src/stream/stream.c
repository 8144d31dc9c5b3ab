/* SPDX-License-Identifier: MIT */
/* One stream: a step, or many of them, RUN_STEPS at once. */
#include "../base/guard.h"

#include "stream.h"

#include <string.h>

#include "inputs.h"
#include "state.h"

enum { RUN_STEPS = RNNE_MAX_ROWS, WORTH_A_PASS = 4 };

static rnne_stream *build(rnne_arena *arena, const rnne_model *model)
{
    rnne_work work;
    rnne_stream *const stream = rnne_arena_take(arena, sizeof *stream);
    float *const state =
        rnne_arena_take_zeros(arena, (uint64_t)model->state_floats * sizeof *state);
    model->engine->take(&work, model, 1, 0, arena);
    if (!arena->base)
        return NULL;
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
    if (stream->model->num_fills)
        rnne_keep_forecasts(stream->model, stream->work.block.y,
                            stream->state + stream->model->held_at, 1);
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

size_t rnne_run_scratch_nbytes(const rnne_model *model)
{
    rnne_arena arena = rnne_arena_counting();
    rnne_work work;
    model->engine->take(&work, model, RUN_STEPS, 1, &arena);
    return (size_t)arena.used;
}

/* Advances the stream by num_steps steps, up to RUN_STEPS. */
static void pass(rnne_stream *stream, rnne_work *work, const float *x, size_t num_steps, float *y)
{
    const rnne_model *const model = stream->model;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    for (size_t t = 0; t < num_steps; t++)
        model->engine->accept(work, t, stream->state, x + t * num_inputs);
    model->engine->steps(work, num_steps);
    for (size_t t = 0; t < num_steps; t++)
        memcpy(y + t * num_outputs, work->block.y + t * work->block.y_stride,
               num_outputs * sizeof *y);
    rnne_keep_forecasts(model, y + (num_steps - 1) * num_outputs, stream->state + model->held_at,
                        1);
    stream->num_steps += num_steps;
}

/* How many of up to num_steps steps no forecast of one of them goes into. */
static size_t steps_of_pass(const rnne_model *model, const float *x, size_t num_steps)
{
    const size_t most = num_steps < RUN_STEPS ? num_steps : RUN_STEPS;
    size_t t = model->num_fills ? 1 : most;
    while (t < most && !rnne_is_filled(model, x + t * model->info.input_size))
        t++;
    return t;
}

rnne_status rnne_run(rnne_stream *stream, const float *x, size_t num_steps, float *y,
                     void *scratch, size_t scratch_nbytes)
{
    const rnne_model *const model = stream->model;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    for (size_t t = 0; t < num_steps; t++)
        if (rnne_is_rejected(model, x + t * num_inputs))
            return RNNE_REJECTED;
    if (num_steps < WORTH_A_PASS || !scratch || scratch_nbytes < rnne_run_scratch_nbytes(model)) {
        for (size_t t = 0; t < num_steps; t++)
            rnne_step(stream, x + t * num_inputs, y + t * num_outputs);
        return RNNE_OK;
    }
    rnne_arena arena = rnne_arena_in(scratch);
    rnne_work work;
    model->engine->take(&work, model, RUN_STEPS, 1, &arena);
    for (size_t first = 0; first < num_steps;) {
        const float *const rows = x + first * num_inputs;
        const size_t n = steps_of_pass(model, rows, num_steps - first);
        pass(stream, &work, rows, n, y + first * num_outputs);
        first += n;
    }
    stream->work.block.num_unknown_tokens += work.block.num_unknown_tokens;
    return RNNE_OK;
}

static rnne_lane lane_of(const rnne_stream *stream)
{
    /* The state is not const; a stream that is only read from is not changed through it. */
    return (rnne_lane){stream->model, stream->state, 1, (uint64_t *)&stream->num_steps};
}

void rnne_reset(rnne_stream *stream)
{
    rnne_lane_reset(lane_of(stream));
}

void rnne_values_get(const rnne_stream *stream, float *values)
{
    rnne_lane_get(lane_of(stream), values);
}

void rnne_values_set(rnne_stream *stream, const float *values, uint64_t num_steps)
{
    rnne_lane_set(lane_of(stream), values, num_steps);
}

rnne_status rnne_state_get(const rnne_stream *stream, void *snapshot, size_t nbytes)
{
    return rnne_lane_snapshot(lane_of(stream), snapshot, nbytes);
}

rnne_status rnne_state_set(rnne_stream *stream, const void *snapshot, size_t nbytes,
                           rnne_error *error)
{
    return rnne_lane_restore(lane_of(stream), snapshot, nbytes, error);
}

uint64_t rnne_num_steps(const rnne_stream *stream)
{
    return stream->num_steps;
}

uint64_t rnne_num_unknown_tokens(const rnne_stream *stream)
{
    return stream->work.block.num_unknown_tokens;
}
