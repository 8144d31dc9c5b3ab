/* SPDX-License-Identifier: MIT */
/*
 * Many streams stepped together: blocks of RNNE_BLOCK streams side by side.  A block whose
 * streams are all to be stepped is computed in place; others are gathered into one and put back.
 * In `w8a16.v1` every stream lies for itself, and is a row of a step (int_rows.h).
 */
#include "../base/guard.h"

#include <string.h>

#include "f32_engine.h"
#include "inputs.h"
#include "state.h"
#include "w8a16_engine.h"
#include "w8a16_inputs.h"

struct rnne_fleet {
    size_t num_streams;
    uint64_t *num_steps; /* [num_streams] */
    float *states;       /* [ceil(num_streams / RNNE_BLOCK)][state_floats][RNNE_BLOCK] */
    float *gathered;     /* [state_floats][RNNE_BLOCK] */
    rnne_block block;    /* its state is one of the above */
    rnne_rows rows;      /* of `w8a16.v1`, whose states are [num_streams][state_floats] */
};

/* Streams that lie side by side. */
static size_t num_lanes(const rnne_model *model)
{
    return model->q_kernels ? 1 : RNNE_BLOCK;
}

static size_t num_blocks(const rnne_model *model, size_t num_streams)
{
    const size_t lanes = num_lanes(model);
    return num_streams / lanes + (num_streams % lanes != 0);
}

static size_t block_floats(const rnne_model *model)
{
    return model->state_floats * num_lanes(model);
}

static rnne_fleet *build(rnne_arena *arena, const rnne_model *model, size_t num_streams)
{
    const uint64_t block_nbytes = (uint64_t)block_floats(model) * sizeof(float);
    const uint64_t states_nbytes = num_blocks(model, num_streams) * block_nbytes;
    rnne_block block;
    rnne_rows rows;
    rnne_fleet *const fleet = rnne_arena_take(arena, sizeof *fleet);
    uint64_t *const num_steps = rnne_arena_take(arena, (uint64_t)num_streams * sizeof *num_steps);
    float *const states = rnne_arena_take(arena, states_nbytes);
    block.state = rnne_arena_take(arena, block_nbytes);
    if (model->q_kernels)
        rnne_rows_take(&rows, model, RNNE_MAX_ROWS, arena);
    else
        rnne_block_take(&block, model, RNNE_BLOCK, arena);
    if (!arena->base)
        return NULL;
    memset(states, 0, (size_t)states_nbytes);
    memset(block.state, 0, (size_t)block_nbytes);
    fleet->num_streams = num_streams;
    fleet->num_steps = num_steps;
    fleet->states = states;
    fleet->gathered = block.state;
    fleet->block = block;
    fleet->block.model = model;
    if (model->q_kernels)
        fleet->rows = rows;
    for (size_t i = 0; i < num_streams; i++)
        rnne_fleet_reset(fleet, i);
    return fleet;
}

size_t rnne_fleet_nbytes(const rnne_model *model, size_t num_streams)
{
    /* A block of scratch fits (model.c); streams take at most this much each. */
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
    if (numerics == RNNE_FAST && !model->q_kernels)
        (*fleet)->block.kernels = model->kernels->fast;
    return RNNE_OK;
}

static rnne_lane lane_of(const rnne_fleet *fleet, size_t i)
{
    const rnne_model *const model = fleet->block.model;
    const size_t lanes = num_lanes(model);
    const rnne_lane lane = {model, fleet->states + i / lanes * block_floats(model) + i % lanes,
                            lanes, fleet->num_steps + i};
    return lane;
}

/* Copies one lane of a state. */
static void copy_lane(const rnne_model *model, const float *from, float *to)
{
    for (size_t i = 0; i < block_floats(model); i += RNNE_BLOCK)
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

static void step_block(rnne_fleet *fleet, const task *t)
{
    rnne_block *const block = &fleet->block;
    const rnne_model *const model = block->model;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    const int is_in_place = is_whole_block(fleet, t);
    block->state = is_in_place ? lane_of(fleet, stream_of(t, 0)).state : fleet->gathered;
    for (size_t j = 0; j < t->num_rows; j++) {
        if (!is_in_place)
            copy_lane(model, lane_of(fleet, stream_of(t, j)).state, block->state + j);
        rnne_accept(model, t->x + j * num_inputs, block->state + model->held_at * RNNE_BLOCK + j,
                    block->x + j, RNNE_BLOCK);
    }
    for (size_t i = 0; t->num_rows < RNNE_BLOCK && i < model->input_floats; i++)
        for (size_t j = t->num_rows; j < RNNE_BLOCK; j++)
            block->x[i * RNNE_BLOCK + j] = 0.0f;
    const float *const y = rnne_block_step(block);
    for (size_t j = 0; j < t->num_rows; j++) {
        const rnne_lane lane = lane_of(fleet, stream_of(t, j));
        for (size_t i = 0; i < num_outputs; i++)
            t->y[j * num_outputs + i] = y[i * RNNE_BLOCK + j];
        if (!is_in_place)
            copy_lane(model, block->state + j, lane.state);
        ++*lane.num_steps;
    }
}

static void step_rows(rnne_fleet *fleet, const task *t)
{
    rnne_rows *const rows = &fleet->rows;
    const rnne_model *const model = fleet->block.model;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    for (size_t j = 0; j < t->num_rows; j++) {
        rows->states[j] = lane_of(fleet, stream_of(t, j)).state;
        rnne_rows_accept(rows, j, t->x + j * num_inputs);
    }
    rnne_rows_step(rows, t->num_rows, 0);
    for (size_t j = 0; j < t->num_rows; j++) {
        memcpy(t->y + j * num_outputs, rows->y + j * rows->y_stride, num_outputs * sizeof(float));
        ++fleet->num_steps[stream_of(t, j)];
    }
}

rnne_status rnne_fleet_step(rnne_fleet *fleet, const uint32_t *index, size_t num_rows,
                            const float *x, float *y)
{
    const rnne_model *const model = fleet->block.model;
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
        if (model->q_kernels)
            step_rows(fleet, &t);
        else
            step_block(fleet, &t);
    }
    return RNNE_OK;
}

void rnne_fleet_reset(rnne_fleet *fleet, size_t i)
{
    const rnne_lane lane = lane_of(fleet, i);
    rnne_lane_reset(&lane);
}

uint64_t rnne_fleet_num_steps(const rnne_fleet *fleet, size_t i)
{
    return fleet->num_steps[i];
}

void rnne_fleet_values_get(const rnne_fleet *fleet, size_t i, float *values)
{
    const rnne_lane lane = lane_of(fleet, i);
    rnne_lane_get(&lane, values);
}

void rnne_fleet_values_set(rnne_fleet *fleet, size_t i, const float *values, uint64_t num_steps)
{
    const rnne_lane lane = lane_of(fleet, i);
    rnne_lane_set(&lane, values, num_steps);
}

rnne_status rnne_fleet_state_get(const rnne_fleet *fleet, size_t i, void *snapshot, size_t nbytes)
{
    const rnne_lane lane = lane_of(fleet, i);
    return rnne_lane_snapshot(&lane, snapshot, nbytes);
}

rnne_status rnne_fleet_state_set(rnne_fleet *fleet, size_t i, const void *snapshot, size_t nbytes,
                                 rnne_error *error)
{
    const rnne_lane lane = lane_of(fleet, i);
    return rnne_lane_restore(&lane, snapshot, nbytes, error);
}
