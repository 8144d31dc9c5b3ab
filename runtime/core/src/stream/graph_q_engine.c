/* SPDX-License-Identifier: MIT */
/*
 * Rows through a graph of `w8a16.v1`.  A value is converted once, where it was computed, for all that
 * read it otherwise (docs/numerics.md, "Graphs").  A run goes step by step where a memory takes a
 * value to the next one, else layer by layer.
 */
#include "../base/guard.h"

#include "engine.h"

#include <string.h>

#include "../graph/memory.h"
#include "../layers/kinds.h"
#include "../w8a16/w8a16_arithmetic.h"
#include "inputs.h"

static int has_memory(const rnne_model *model)
{
    for (uint32_t k = 0; k < model->info.num_layers; k++)
        if (model->layers[k].has_next)
            return 1;
    return 0;
}

static int has_wide(const rnne_model *model)
{
    for (uint32_t k = 0; k < model->info.num_layers; k++)
        if (model->layers[k].is_wide)
            return 1;
    return 0;
}

static void take(rnne_work *work, const rnne_model *model, size_t num_rows, int is_sequence,
                 rnne_arena *arena)
{
    const int is_stepwise = is_sequence && has_memory(model);
    const uint64_t n = is_stepwise ? 1 : num_rows, all = num_rows;
    const uint64_t halves = rnne_q_padded(model->value_floats), floats = model->value_floats;
    rnne_rows *const r = &work->rows;
    memset(r, 0, sizeof *r);
    r->block.model = model;
    r->block.lanes = 1;
    r->block.kernels = model->kernels;
    r->block.gates = rnne_arena_take_zeros(arena, model->gate_floats * sizeof(float));
    r->block.at = rnne_arena_take(arena, (model->info.num_layers + 1) * sizeof *r->block.at);
    r->states = rnne_arena_take(arena, all * sizeof *r->states);
    r->operands = rnne_arena_take(arena, n * sizeof *r->operands);
    r->z = rnne_arena_take(arena, n * sizeof *r->z);
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    r->x = rnne_arena_take_zeros(arena, all * model->input_floats * sizeof *r->x);
    r->real[0] = rnne_arena_take_zeros(arena, n * floats * sizeof *r->real[0]);
    r->values = rnne_arena_take_zeros(arena, n * halves * sizeof *r->values);
    r->q[0] = rnne_arena_take_zeros(arena, (n * halves + RNNE_Q_STEP) * sizeof *r->q[0]);
    for (int i = 0; i < 2; i++)
        r->sums[i] = rnne_arena_take_zeros(arena, n * model->num_sums * sizeof *r->sums[i]);
    if (has_wide(model))
        r->wide = rnne_arena_take_zeros(arena, n * floats * sizeof *r->wide);
    if (is_stepwise)
        r->real[1] = rnne_arena_take(arena, all * rnne_padded(model->info.output_size) *
                                                sizeof *r->real[1]);
    r->bytes = rnne_arena_take(arena, n * model->byte_count);
    r->block.values[0] = r->real[0];
}

static void accept(rnne_work *work, size_t j, float *state, const float *x)
{
    rnne_rows *const rows = &work->rows;
    rows->states[j] = state;
    rnne_rows_accept(rows, j, x);
}

static float *real_row(const rnne_rows *rows, size_t j, size_t at)
{
    return rows->real[0] + j * rows->block.model->value_floats + at;
}

static int16_t *value_row(const rnne_rows *rows, size_t j, size_t at)
{
    return rows->values + j * rnne_q_padded(rows->block.model->value_floats) + at;
}

/* A float value for the integer layers that read it. */
static void convert_in(const rnne_rows *rows, size_t n, size_t at, size_t size, const float *shift,
                       const float *rate)
{
    for (size_t j = 0; j < n; j++) {
        const float *const real = real_row(rows, j, at);
        int16_t *const q = value_row(rows, j, at);
        for (size_t i = 0; i < size; i++)
            q[i] = (int16_t)rnne_q_near((real[i] - shift[i]) * rate[i], RNNE_LARGEST_VALUE);
    }
}

/* An integer value for float layers, and as output. */
static void convert_out(const rnne_rows *rows, size_t n, const rnne_layer *layer)
{
    for (size_t j = 0; j < n; j++) {
        float *const real = real_row(rows, j, layer->value_at);
        const int16_t *const q = value_row(rows, j, layer->value_at);
        for (size_t i = 0; i < layer->output_size; i++)
            real[i] = rnne_flush((float)q[i] * layer->q.step[i]);
    }
}

static void take_inputs(const rnne_rows *rows, size_t n)
{
    const rnne_model *const model = rows->block.model;
    for (size_t j = 0; j < n; j++)
        model->kernels->activate(RNNE_IDENTITY, model->info.input_size,
                                 rows->x + j * model->input_floats, real_row(rows, j, 0));
    if (model->inputs.rate)
        convert_in(rows, n, 0, model->info.input_size, model->inputs.shift, model->inputs.rate);
}

static void float_layer(rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    rnne_block *const block = &rows->block;
    for (size_t j = 0; j < n; j++) {
        float *const out = real_row(rows, j, layer->value_at);
        const float *z = NULL;
        block->state = rows->states[j];
        block->x = rows->x + j * block->model->input_floats;
        for (size_t i = layer->num_reads; i--;)
            block->at[layer->reads[i] + 1] = z = real_row(rows, j, rnne_read_at(rows, layer, i));
        if (layer->kind->takes_raw && layer->reads[0] < 0)
            z = block->x;
        const float *const y = layer->kind->step(block, layer, z, out);
        if (y != out)
            memcpy(out, y, layer->output_size * sizeof *out);
    }
}

static void integer_layer(rnne_rows *rows, const rnne_layer *layer, size_t n, int is_sequence)
{
    const rnne_span span = {0, n, 0, 1, is_sequence};
    if (layer->kind->step_g) {
        for (size_t j = 0; j < n; j++)
            layer->kind->step_g(rows, layer, j, value_row(rows, j, layer->value_at));
        return;
    }
    for (size_t j = 0; j < n; j++)
        rows->z[j] = rnne_rows_read(rows, layer, 0, j);
    rows->q[1] = value_row(rows, 0, layer->value_at);
    layer->kind->step_q(rows, layer, &span);
    for (size_t j = 0; j < n; j++) {
        int16_t *const out = value_row(rows, j, layer->value_at);
        if (rows->z[j] != out)
            memcpy(out, rows->z[j], layer->output_size * sizeof *out);
    }
}

/* The states of memories: all layers have given their values, which stay until here. */
static void keep_memories(rnne_rows *rows, size_t n)
{
    const rnne_model *const model = rows->block.model;
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        for (size_t j = 0; layer->has_next && j < n; j++)
            rnne_memory_keep(rows, layer, j);
    }
}

static void step_layers(rnne_rows *rows, size_t n, int is_sequence)
{
    const rnne_model *const model = rows->block.model;
    take_inputs(rows, n);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        if (layer->role == RNNE_ROLE_FLOAT)
            float_layer(rows, layer, n);
        else
            integer_layer(rows, layer, n, is_sequence);
        if (layer->is_first)
            convert_in(rows, n, layer->value_at, layer->output_size, layer->q.shift, layer->q.rate);
        if (layer->is_last)
            convert_out(rows, n, layer);
    }
    keep_memories(rows, n);
    rows->block.y = real_row(rows, 0, model->layers[model->info.num_layers - 1].value_at);
    rows->block.y_stride = model->value_floats;
}

static void step(rnne_work *work, size_t n)
{
    step_layers(&work->rows, n, 0);
}

static void steps(rnne_work *work, size_t n)
{
    rnne_rows *const rows = &work->rows;
    const rnne_model *const model = rows->block.model;
    const size_t size = model->info.output_size, stride = rnne_padded(size);
    float *const x = rows->x;
    if (!rows->real[1]) {
        step_layers(rows, n, 1);
        return;
    }
    for (size_t t = 0; t < n; t++, rows->x += model->input_floats) {
        step_layers(rows, 1, 0);
        memcpy(rows->real[1] + t * stride, rows->block.y, size * sizeof(float));
    }
    rows->x = x;
    rows->block.y = rows->real[1];
    rows->block.y_stride = stride;
}

const rnne_engine rnne_graph_q_engine = {1, take, accept, step, steps};
