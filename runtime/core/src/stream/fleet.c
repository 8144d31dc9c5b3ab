/* SPDX-License-Identifier: MIT */
/*
 * Many streams stepped together, as many side by side as the engine computes so.  A block whose
 * streams are all to be stepped is computed in place; others are gathered into one and put back.
 */
#include "../base/guard.h"

#include <string.h>

#include "engine.h"
#include "inputs.h"
#include "state.h"

struct rnne_fleet {
    const rnne_model *model;
    size_t num_streams;
    uint64_t *num_steps; /* [num_streams] */
    float *states;       /* [ceil(num_streams / lanes)][state_floats][lanes] */
    float *gathered;     /* [state_floats][lanes] */
    rnne_work work;
};

static size_t num_blocks(const rnne_model *model, size_t num_streams)
{
    const size_t lanes = model->engine->lanes;
    return num_streams / lanes + (num_streams % lanes != 0);
}

static size_t block_floats(const rnne_model *model)
{
    return model->state_floats * model->engine->lanes;
}

static rnne_fleet *build(rnne_arena *arena, const rnne_model *model, size_t num_streams)
{
    const uint64_t block_nbytes = (uint64_t)block_floats(model) * sizeof(float);
    const uint64_t states_nbytes = num_blocks(model, num_streams) * block_nbytes;
    rnne_work work;
    rnne_fleet *const fleet = rnne_arena_take(arena, sizeof *fleet);
    uint64_t *const num_steps = rnne_arena_take(arena, (uint64_t)num_streams * sizeof *num_steps);
    float *const states = rnne_arena_take_zeros(arena, states_nbytes);
    float *const gathered = rnne_arena_take_zeros(arena, block_nbytes);
    model->engine->take(&work, model, RNNE_MAX_ROWS, 0, arena);
    if (!arena->base)
        return NULL;
    fleet->model = model;
    fleet->num_streams = num_streams;
    fleet->num_steps = num_steps;
    fleet->states = states;
    fleet->gathered = gathered;
    fleet->work = work;
    for (size_t i = 0; i < num_streams; i++)
        rnne_fleet_reset(fleet, i);
    return fleet;
}

size_t rnne_fleet_nbytes(const rnne_model *model, size_t num_streams)
{
    /* A block of scratch fits (load.c); streams take at most this much each. */
    const uint64_t each = (uint64_t)model->state_floats * sizeof(float) + sizeof(uint64_t);
    if (num_streams > UINT32_MAX || num_streams + RNNE_BLOCK > SIZE_MAX / 4 / each)
        return 0;
    rnne_arena arena = rnne_arena_counting();
    build(&arena, model, num_streams);
    return (size_t)arena.used;
}

rnne_status rnne_fleet_init(void *mem, size_t mem_nbytes, const rnne_model *model,
                            size_t num_streams, rnne_numerics numerics, rnne_fleet **fleet)
{
    const size_t needed = rnne_fleet_nbytes(model, num_streams);
    *fleet = NULL;
    if (needed == 0)
        return RNNE_TOO_LARGE;
    if (mem_nbytes < needed)
        return RNNE_MEMORY_TOO_SMALL;
    rnne_arena arena = rnne_arena_in(mem);
    *fleet = build(&arena, model, num_streams);
    if (numerics == RNNE_FAST && model->engine->lanes > 1) /* integers have nothing to fuse */
        (*fleet)->work.block.kernels = model->kernels->fast;
    return RNNE_OK;
}

static rnne_lane lane_of(const rnne_fleet *fleet, size_t i)
{
    const rnne_model *const model = fleet->model;
    const size_t lanes = model->engine->lanes;
    return (rnne_lane){model, fleet->states + i / lanes * block_floats(model) + i % lanes, lanes,
                       fleet->num_steps + i};
}

/* Copies one lane of a state. */
static void copy_lane(const rnne_model *model, const float *from, float *to)
{
    for (size_t i = 0; i < block_floats(model); i += model->engine->lanes)
        to[i] = from[i];
}

/* What one block computes: row j of the call belongs to lane j. */
typedef struct task {
    const uint32_t *index; /* [num_rows] streams, or NULL: first + j */
    size_t first;
    size_t num_rows; /* up to RNNE_BLOCK */
    const float *x;
    float *y;
} task;

static size_t stream_of(const task *t, size_t j)
{
    return t->index ? t->index[j] : t->first + j;
}

/* Whether the rows are exactly the streams of one block of the fleet, in order. */
static int is_whole_block(const rnne_fleet *fleet, const task *t)
{
    const size_t first = stream_of(t, 0), left = fleet->num_streams - first;
    if (first % RNNE_BLOCK != 0 || t->num_rows != (left < RNNE_BLOCK ? left : RNNE_BLOCK))
        return 0;
    for (size_t j = 1; t->index && j < t->num_rows; j++)
        if (t->index[j] != first + j)
            return 0;
    return 1;
}

static void step_task(rnne_fleet *fleet, const task *t)
{
    const rnne_model *const model = fleet->model;
    const rnne_block *const block = &fleet->work.block;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    const int is_gathered = model->engine->lanes > 1 && !is_whole_block(fleet, t);
    for (size_t j = 0; j < t->num_rows; j++) {
        const rnne_lane lane = lane_of(fleet, stream_of(t, j));
        if (is_gathered)
            copy_lane(model, lane.state, fleet->gathered + j);
        model->engine->accept(&fleet->work, j, is_gathered ? fleet->gathered + j : lane.state,
                              t->x + j * num_inputs);
    }
    model->engine->step(&fleet->work, t->num_rows);
    for (size_t j = 0; j < t->num_rows; j++) {
        const rnne_lane lane = lane_of(fleet, stream_of(t, j));
        float *const state = is_gathered ? fleet->gathered + j : lane.state;
        rnne_keep_forecasts(model, block->y + j * block->y_stride,
                            state + model->held_at * block->lanes, block->lanes);
        for (size_t i = 0; i < num_outputs; i++)
            t->y[j * num_outputs + i] = block->y[j * block->y_stride + i * block->lanes];
        if (is_gathered)
            copy_lane(model, fleet->gathered + j, lane.state);
        ++*lane.num_steps;
    }
}

rnne_status rnne_fleet_step(rnne_fleet *fleet, const uint32_t *index, size_t num_rows,
                            const float *x, float *y)
{
    const rnne_model *const model = fleet->model;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    if (!index && num_rows > fleet->num_streams)
        return RNNE_BAD_INDEX;
    for (size_t j = 0; j < num_rows; j++) {
        if (index && index[j] >= fleet->num_streams)
            return RNNE_BAD_INDEX;
        if (rnne_is_rejected(model, x + j * num_inputs))
            return RNNE_REJECTED;
    }
    for (size_t first = 0; first < num_rows; first += RNNE_BLOCK) {
        const size_t left = num_rows - first;
        const task t = {index ? index + first : NULL, first, left < RNNE_BLOCK ? left : RNNE_BLOCK,
                        x + first * num_inputs, y + first * num_outputs};
        step_task(fleet, &t);
    }
    return RNNE_OK;
}

void rnne_fleet_reset(rnne_fleet *fleet, size_t i)
{
    rnne_lane_reset(lane_of(fleet, i));
}

uint64_t rnne_fleet_num_steps(const rnne_fleet *fleet, size_t i)
{
    return fleet->num_steps[i];
}

void rnne_fleet_values_get(const rnne_fleet *fleet, size_t i, float *values)
{
    rnne_lane_get(lane_of(fleet, i), values);
}

void rnne_fleet_values_set(rnne_fleet *fleet, size_t i, const float *values, uint64_t num_steps)
{
    rnne_lane_set(lane_of(fleet, i), values, num_steps);
}

rnne_status rnne_fleet_state_get(const rnne_fleet *fleet, size_t i, void *snapshot, size_t nbytes)
{
    return rnne_lane_snapshot(lane_of(fleet, i), snapshot, nbytes);
}

rnne_status rnne_fleet_state_set(rnne_fleet *fleet, size_t i, const void *snapshot, size_t nbytes,
                                 rnne_error *error)
{
    return rnne_lane_restore(lane_of(fleet, i), snapshot, nbytes, error);
}
