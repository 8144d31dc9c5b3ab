/* SPDX-License-Identifier: MIT */
/* Rows through the layers of a model of `w8a16.v1`; sums are exact, so their order is free. */
#include "../base/guard.h"

#include "engine.h"

#include <string.h>

#include "../layers/kinds.h"
#include "../w8a16/w8a16_arithmetic.h"
#include "inputs.h"

static void take(rnne_work *work, const rnne_model *model, size_t num_rows, int is_sequence,
                 rnne_arena *arena)
{
    const uint64_t n = num_rows, value_halves = rnne_q_padded(model->value_floats);
    rnne_rows *const r = &work->rows;
    (void)is_sequence;
    memset(r, 0, sizeof *r);
    if (model->has_float)
        rnne_block_take(&r->block, model, 1, 0, arena);
    r->block.model = model;
    r->block.lanes = 1;
    r->states = rnne_arena_take(arena, n * sizeof *r->states);
    r->operands = rnne_arena_take(arena, n * sizeof *r->operands);
    r->z = rnne_arena_take(arena, n * sizeof *r->z);
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    r->x = rnne_arena_take_zeros(arena, n * model->input_floats * sizeof *r->x);
    r->inputs = rnne_arena_take(arena, n * model->input_floats * sizeof *r->inputs);
    for (int i = 0; i < 2; i++) {
        r->real[i] = rnne_arena_take_zeros(arena, n * model->value_floats * sizeof *r->real[i]);
        r->q[i] = rnne_arena_take_zeros(arena, n * value_halves * sizeof *r->q[i]);
        r->sums[i] = rnne_arena_take_zeros(arena, n * model->num_sums * sizeof *r->sums[i]);
    }
    if (model->holds_readings)
        r->wide = rnne_arena_take(arena, n * model->value_floats * sizeof *r->wide);
    r->bytes = rnne_arena_take(arena, n * model->byte_count);
    r->block.values[0] = model->has_float ? r->block.values[0] : r->real[0];
}

static void accept(rnne_work *work, size_t j, float *state, const float *x)
{
    work->rows.states[j] = state;
    rnne_rows_accept(&work->rows, j, x);
}

/* y becomes what the layer computes in float. */
static void float_layer(rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    rnne_block *const block = &rows->block;
    const rnne_model *const model = block->model;
    float *const out = rows->real[block->y == rows->real[0]], *to = out;
    for (size_t j = 0; j < n; j++, to += model->value_floats) {
        block->state = rows->states[j];
        block->x = rows->x + j * model->input_floats;
        const float *const y = layer->kind->step(block, layer, block->y + j * block->y_stride, to);
        if (y != to)
            memcpy(to, y, layer->output_size * sizeof *to);
    }
    block->y = out;
    block->y_stride = model->value_floats;
}

static void first_values(rnne_rows *rows, size_t n)
{
    rnne_block *const block = &rows->block;
    const rnne_model *const model = block->model;
    block->y = rows->x;
    block->y_stride = model->input_floats;
    if (rnne_takes_integers(model) ||
        rnne_first_values(model, 1, rows->x, rows->real[0]) == rows->x)
        return;
    for (size_t j = 1; j < n; j++)
        rnne_first_values(model, 1, rows->x + j * model->input_floats,
                          rows->real[0] + j * model->value_floats);
    block->y = rows->real[0];
    block->y_stride = model->value_floats;
}

/* A segment begins: what comes behind a float layer becomes integers. */
static void into_segment(rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    const rnne_block *const block = &rows->block;
    for (size_t j = 0; j < n; j++) {
        int16_t *const q = rnne_q_row(rows, 0, j);
        rows->z[j] = q;
        if (!layer->is_input)
            rnne_q_convert(layer->q.rate, layer->input_size, block->y + j * block->y_stride, q);
    }
}

static void out_of_segment(rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    const rnne_model *const model = rows->block.model;
    const size_t size = layer->output_size, stride = model->value_floats;
    const float *const step = layer->q.step, *const offset = layer->q.offset;
    float *const real = rows->real[0];
    if (!rnne_is_wide(layer))
        for (size_t j = 0; j < n; j++)
            model->q_kernels->to_float(size, rows->z[j], step, offset, real + j * stride);
    else
        for (size_t j = 0; j < n; j++)
            for (size_t i = 0; i < size; i++)
                real[j * stride + i] =
                    rnne_flush((float)rows->wide[j * stride + i] * step[i] + offset[i]);
    rows->block.y = real;
    rows->block.y_stride = stride;
}

static void step_rows(rnne_rows *rows, size_t n, int is_sequence)
{
    const rnne_model *const model = rows->block.model;
    rnne_span span = {0, n, 1, 0, is_sequence};
    if (model->has_float)
        first_values(rows, n);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        if (layer->role == RNNE_ROLE_FLOAT) {
            float_layer(rows, layer, n);
            continue;
        }
        if (layer->is_first) {
            span.to = 0;
            into_segment(rows, layer, n);
        }
        if (layer->role == RNNE_ROLE_INTEGER) {
            span.from = span.to;
            span.to = !span.to;
            layer->kind->step_q(rows, layer, &span);
        }
        if (layer->is_last)
            out_of_segment(rows, layer, n);
    }
}

static void step(rnne_work *work, size_t n)
{
    step_rows(&work->rows, n, 0);
}

static void steps(rnne_work *work, size_t n)
{
    step_rows(&work->rows, n, 1);
}

const rnne_engine rnne_w8a16_engine = {1, take, accept, step, steps};
