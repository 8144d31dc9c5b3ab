/* SPDX-License-Identifier: MIT */
/*
 * Layers in float32.  In a run the products with a layer's input are computed for all steps at once,
 * those with its state step by step.  Every chain is that of a single step, so the bytes are too.
 */
#include "../base/guard.h"

#include "engine.h"

#include <string.h>

#include "../layers/kinds.h"
#include "inputs.h"

void rnne_block_take(rnne_block *block, const rnne_model *model, size_t num_rows, int is_sequence,
                     rnne_arena *arena)
{
    const uint64_t rows = num_rows, lanes = is_sequence ? 1 : num_rows;
    const uint64_t input_nbytes = rows * model->input_floats * sizeof(float);
    const uint64_t value_nbytes = rows * model->value_floats * sizeof(float);
    const uint64_t num_sums = is_sequence ? rows * model->num_sums : 0;
    memset(block, 0, sizeof *block);
    block->model = model;
    block->lanes = (size_t)lanes;
    block->kernels = model->kernels;
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    block->x = rnne_arena_take_zeros(arena, input_nbytes);
    block->values[0] = rnne_arena_take_zeros(arena, value_nbytes);
    block->values[1] = rnne_arena_take_zeros(arena, value_nbytes);
    block->gates = rnne_arena_take_zeros(arena, lanes * model->gate_floats * sizeof(float));
    block->sums = rnne_arena_take_zeros(arena, num_sums * sizeof(float));
}

const float *rnne_first_values(const rnne_model *model, size_t lanes, const float *x, float *out)
{
    if (model->layers[0].kind->takes_raw)
        return x;
    model->kernels->activate(RNNE_IDENTITY, model->info.input_size * lanes, x, out);
    return out;
}

static void take(rnne_work *work, const rnne_model *model, size_t num_rows, int is_sequence,
                 rnne_arena *arena)
{
    rnne_block_take(&work->block, model, num_rows, is_sequence, arena);
}

void rnne_block_accept(rnne_block *block, size_t j, float *state, const float *x)
{
    const rnne_model *const model = block->model;
    const size_t lanes = block->lanes;
    if (j == 0)
        block->state = state;
    rnne_accept(model, x, state + model->held_at * lanes,
                block->x + j * (lanes == 1 ? model->input_floats : 1), lanes);
}

void rnne_block_clear(rnne_block *block, size_t n)
{
    const size_t lanes = block->lanes;
    for (size_t i = 0; n < lanes && i < block->model->input_floats; i++)
        for (size_t l = n; l < lanes; l++)
            block->x[i * lanes + l] = 0.0f;
}

static void accept(rnne_work *work, size_t j, float *state, const float *x)
{
    rnne_block_accept(&work->block, j, state, x);
}

static void step(rnne_work *work, size_t n)
{
    rnne_block *const block = &work->block;
    const rnne_model *const model = block->model;
    const size_t lanes = block->lanes;
    rnne_block_clear(block, n);
    const float *z = rnne_first_values(model, lanes, block->x, block->values[0]);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        z = layer->kind->step(block, layer, z, block->values[z == block->values[0]]);
    }
    block->y = z;
    block->y_stride = 1;
}

/* n steps of a layer, from rows of z to rows of `out`. */
static void layer_steps(rnne_block *block, const rnne_layer *layer, size_t n, const float *z,
                        size_t stride, float *out)
{
    const rnne_model *const model = block->model;
    const rnne_operands input = {0, z, layer->input_size, NULL, 0};
    const int num_inputs = layer->kind->num_inputs;
    float *const x = block->x;
    float *sums = block->sums;
    for (int m = 0; m < num_inputs; m++) {
        block->kernels->product_steps(&layer->matrix[m], &input, n, stride, sums);
        block->known[m] = sums;
        sums += n * layer->matrix[m].rows;
    }
    for (size_t t = 0; t < n; t++) {
        const float *const y = layer->kind->step(block, layer, z, out);
        if (y != out)
            memcpy(out, y, layer->output_size * sizeof *out);
        for (int m = 0; m < num_inputs; m++)
            block->known[m] += layer->matrix[m].rows;
        block->x += model->input_floats;
        z += stride;
        out += model->value_floats;
    }
    block->known[0] = block->known[1] = NULL;
    block->x = x;
}

static void steps(rnne_work *work, size_t n)
{
    rnne_block *const block = &work->block;
    const rnne_model *const model = block->model;
    const size_t width = model->value_floats;
    const float *z = rnne_first_values(model, 1, block->x, block->values[0]);
    size_t stride = z == block->x ? model->input_floats : width;
    for (size_t t = 1; z != block->x && t < n; t++)
        rnne_first_values(model, 1, block->x + t * model->input_floats,
                          block->values[0] + t * width);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        float *const out = block->values[z == block->values[0]];
        layer_steps(block, &model->layers[k], n, z, stride, out);
        z = out;
        stride = width;
    }
    block->y = z;
    block->y_stride = stride;
}

const rnne_engine rnne_f32_engine = {RNNE_BLOCK, take, accept, step, steps};
