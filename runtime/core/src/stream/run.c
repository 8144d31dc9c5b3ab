/* SPDX-License-Identifier: MIT */
/*
 * Many steps of one stream, layer by layer: the products with a layer's input are computed for
 * RUN_STEPS steps at once, those with its state step by step.  Every chain is that of a single
 * step, so the bytes are too.
 */
#include "../base/guard.h"

#include <string.h>

#include "../layers/stateless.h"
#include "inputs.h"
#include "stream.h"
#include "w8a16_inputs.h"

enum { RUN_STEPS = 32, WORTH_A_PASS = 4 };

/* Scratch memory of one pass over up to RUN_STEPS steps. */
typedef struct pass {
    size_t num_steps;
    float *x;         /* [RUN_STEPS][input_floats] */
    float *values[2]; /* [RUN_STEPS][value_floats] */
    float *sums;      /* [RUN_STEPS][gates + n of the widest cell]: products with the input */
} pass;

static void take_pass(pass *p, const rnne_model *model, rnne_arena *arena)
{
    const uint64_t steps = RUN_STEPS * sizeof(float);
    p->x = rnne_arena_take(arena, model->input_floats * steps);
    p->values[0] = rnne_arena_take(arena, model->value_floats * steps);
    p->values[1] = rnne_arena_take(arena, model->value_floats * steps);
    p->sums = rnne_arena_take(arena, model->gate_floats * steps);
}

size_t rnne_run_scratch_nbytes(const rnne_model *model)
{
    rnne_arena arena = rnne_arena_counting();
    pass p;
    rnne_rows all;
    if (model->q_kernels)
        rnne_rows_take(&all, model, RUN_STEPS, &arena);
    else
        take_pass(&p, model, &arena);
    return (size_t)arena.used;
}

/* A layer's values: row t is at [t * stride]. */
typedef struct rows {
    const float *at;
    size_t stride;
} rows;

static void cell_steps(const rnne_block *block, const rnne_layer *layer, const pass *p, rows z,
                       float *out)
{
    const rnne_kernels *const kernels = block->model->kernels;
    const size_t n = layer->hidden_size;
    const rnne_matrix *const gates_of = &layer->matrix[0], *const new_of = &layer->matrix[1];
    float *const gates = block->gates, *const behind = gates + rnne_gates_end(layer);
    float *const h = block->state + layer->h_at, *const c = block->state + layer->c_at;
    float *const new_sums = p->sums + p->num_steps * gates_of->rows; /* of a GRU */
    const rnne_operands input = {0, z.at, layer->input_size, NULL, 0};
    const rnne_operands recurrent = {layer->input_size, h, layer->output_size, NULL, 0};
    const rnne_operands from_h = {0, h, layer->output_size, NULL, 0};
    const rnne_operands from_m = {0, behind, layer->hidden_size, NULL, 0};
    kernels->product_steps(gates_of, &input, p->num_steps, z.stride, p->sums);
    if (layer->kind == RNNE_GRU)
        kernels->product_steps(new_of, &input, p->num_steps, z.stride, new_sums);
    for (size_t t = 0; t < p->num_steps; t++, out += block->model->value_floats) {
        kernels->product(gates_of, p->sums + t * gates_of->rows, &recurrent, gates);
        if (layer->kind == RNNE_RNN) {
            kernels->activate(layer->variant ? RNNE_RELU : RNNE_TANH, n, gates, h);
        } else if (layer->kind == RNNE_GRU) {
            kernels->product(&layer->matrix[2], layer->matrix[2].bias, &from_h, behind);
            kernels->gru(n, gates, new_sums + t * new_of->rows, behind, h);
        } else if (!layer->variant) {
            kernels->lstm(n, gates, c, h, gates_of->weights);
        } else {
            kernels->lstm(n, gates, c, behind, layer->matrix[1].weights);
            kernels->product(&layer->matrix[1], layer->matrix[1].bias, &from_m, h);
            kernels->activate(RNNE_IDENTITY, layer->output_size, h, h);
        }
        memcpy(out, h, layer->output_size * sizeof(float));
    }
}

static void linear_steps(const rnne_block *block, const rnne_layer *layer, const pass *p, rows z,
                         float *out)
{
    const rnne_kernels *const kernels = block->model->kernels;
    const rnne_matrix *const matrix = &layer->matrix[0];
    const rnne_operands input = {0, z.at, layer->input_size, NULL, 0};
    for (size_t t = 0; t < p->num_steps; t++) {
        const rnne_operands one = {0, z.at + t * z.stride, layer->input_size, NULL, 0};
        float *const to = out + t * block->model->value_floats;
        if (matrix->rows != block->model->value_floats)
            kernels->product(matrix, matrix->bias, &one, to);
        else if (t == 0) /* rows lie as the values do */
            kernels->product_steps(matrix, &input, p->num_steps, z.stride, out);
        kernels->activate(RNNE_IDENTITY, layer->output_size, to, to);
    }
}

/* As rnne_run() without a check, of `w8a16.v1`. */
static void run_rows(rnne_stream *stream, const float *x, size_t num_steps, float *y,
                     rnne_arena *arena)
{
    const rnne_model *const model = stream->block.model;
    const size_t num_inputs = model->info.input_size, num_outputs = model->info.output_size;
    rnne_rows all;
    rnne_rows_take(&all, model, RUN_STEPS, arena);
    for (size_t j = 0; j < RUN_STEPS; j++)
        all.states[j] = stream->block.state;
    for (size_t start = 0; start < num_steps; start += RUN_STEPS) {
        const size_t left = num_steps - start, n = left < RUN_STEPS ? left : RUN_STEPS;
        for (size_t j = 0; j < n; j++)
            rnne_rows_accept(&all, j, x + (start + j) * num_inputs);
        rnne_rows_step(&all, n, 1);
        for (size_t j = 0; j < n; j++)
            memcpy(y + (start + j) * num_outputs, all.y + j * all.y_stride,
                   num_outputs * sizeof(float));
    }
    stream->rows.block.num_unknown_tokens += all.block.num_unknown_tokens;
    stream->num_steps += num_steps;
}

/* Advances the stream by the steps whose inputs are in p->x. */
static void run_pass(rnne_stream *stream, const pass *p, float *y)
{
    rnne_block *const block = &stream->block;
    const rnne_model *const model = block->model;
    const size_t width = model->value_floats, num_outputs = model->info.output_size;
    rows z = {p->x, model->input_floats};
    if (rnne_first_values(model, 1, p->x, p->values[0]) != p->x) {
        for (size_t t = 1; t < p->num_steps; t++)
            rnne_first_values(model, 1, p->x + t * z.stride, p->values[0] + t * width);
        z.at = p->values[0];
        z.stride = width;
    }
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        float *const out = z.at == p->values[0] ? p->values[1] : p->values[0];
        if (rnne_is_recurrent(layer)) {
            cell_steps(block, layer, p, z, out);
        } else if (layer->kind == RNNE_LINEAR) {
            linear_steps(block, layer, p, z, out);
        } else {
            for (size_t t = 0; t < p->num_steps; t++) {
                const rnne_values values = {1, block->state, p->x + t * model->input_floats,
                                            z.at + t * z.stride, out + t * width};
                rnne_stateless(layer, model->kernels, &values, &block->num_unknown_tokens);
            }
        }
        z.at = out;
        z.stride = width;
    }
    for (size_t t = 0; t < p->num_steps; t++)
        memcpy(y + t * num_outputs, z.at + t * width, num_outputs * sizeof(float));
    stream->num_steps += p->num_steps;
}

rnne_status rnne_run(rnne_stream *stream, const float *x, size_t num_steps, float *y,
                     void *scratch, size_t scratch_nbytes)
{
    const rnne_model *const model = stream->block.model;
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
    if (model->q_kernels) {
        run_rows(stream, x, num_steps, y, &arena);
        return RNNE_OK;
    }
    pass p;
    take_pass(&p, model, &arena);
    memset(scratch, 0, scratch_nbytes < (size_t)arena.used ? scratch_nbytes : (size_t)arena.used);
    for (size_t start = 0; start < num_steps; start += RUN_STEPS) {
        const size_t left = num_steps - start;
        p.num_steps = left < RUN_STEPS ? left : RUN_STEPS;
        for (size_t t = 0; t < p.num_steps; t++)
            rnne_accept(model, x + (start + t) * num_inputs, stream->block.state + model->held_at,
                        p.x + t * model->input_floats, 1);
        run_pass(stream, &p, y + start * num_outputs);
    }
    return RNNE_OK;
}
