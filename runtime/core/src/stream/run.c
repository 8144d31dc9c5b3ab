/* SPDX-License-Identifier: MIT */
/* Many steps of one stream, RUN_STEPS at once. */
#include "../base/guard.h"

#include <string.h>

#include "inputs.h"
#include "stream.h"

enum { RUN_STEPS = RNNE_MAX_ROWS, WORTH_A_PASS = 4 };

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
    stream->num_steps += num_steps;
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
    for (size_t first = 0; first < num_steps; first += RUN_STEPS) {
        const size_t left = num_steps - first;
        pass(stream, &work, x + first * num_inputs, left < RUN_STEPS ? left : RUN_STEPS,
             y + first * num_outputs);
    }
    stream->work.block.num_unknown_tokens += work.block.num_unknown_tokens;
    return RNNE_OK;
}
