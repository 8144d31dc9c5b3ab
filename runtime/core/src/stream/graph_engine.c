/* SPDX-License-Identifier: MIT */
/*
 * Layers of a graph in float32: each reads what earlier ones gave, from where it lies among the
 * values (load/graph.c).  A run goes step by step.
 */
#include "../base/guard.h"

#include "engine.h"

#include <string.h>

#include "../layers/kinds.h"

static void take(rnne_work *work, const rnne_model *model, size_t num_rows, int is_sequence,
                 rnne_arena *arena)
{
    const uint64_t rows = num_rows, lanes = is_sequence ? 1 : num_rows;
    const uint64_t output_floats = is_sequence ? rows * rnne_padded(model->info.output_size) : 0;
    rnne_block *const block = &work->block;
    memset(block, 0, sizeof *block);
    block->model = model;
    block->lanes = (size_t)lanes;
    block->kernels = model->kernels;
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    block->x = rnne_arena_take_zeros(arena, rows * model->input_floats * sizeof(float));
    block->values[0] = rnne_arena_take_zeros(arena, lanes * model->value_floats * sizeof(float));
    block->values[1] = rnne_arena_take_zeros(arena, output_floats * sizeof(float));
    block->gates = rnne_arena_take_zeros(arena, lanes * model->gate_floats * sizeof(float));
    block->at = rnne_arena_take(arena, (model->info.num_layers + 1) * sizeof *block->at);
}

static void accept(rnne_work *work, size_t j, float *state, const float *x)
{
    rnne_block_accept(&work->block, j, state, x);
}

/* The states of memories: all layers have given their values, which stay until here. */
static void keep_memories(rnne_block *block)
{
    const rnne_model *const model = block->model;
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        if (layer->has_next)
            memcpy(block->state + layer->h_at * block->lanes, block->at[layer->words[0] + 1],
                   layer->output_size * block->lanes * sizeof(float));
    }
}

/* One step of all lanes; what the last layer gives. */
static const float *step_layers(rnne_block *block)
{
    const rnne_model *const model = block->model;
    const size_t lanes = block->lanes;
    const float *z = NULL;
    block->at[0] = block->values[0];
    model->kernels->activate(RNNE_IDENTITY, model->info.input_size * lanes, block->x,
                             block->values[0]);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        z = layer->num_reads ? rnne_block_read(block, layer, 0) : NULL;
        if (layer->kind->takes_raw && layer->reads[0] < 0)
            z = block->x;
        z = layer->kind->step(block, layer, z, block->values[0] + layer->value_at * lanes);
        block->at[k + 1] = z;
    }
    keep_memories(block);
    return z;
}

static void step(rnne_work *work, size_t n)
{
    rnne_block *const block = &work->block;
    rnne_block_clear(block, n);
    block->y = step_layers(block);
    block->y_stride = 1;
}

static void steps(rnne_work *work, size_t n)
{
    rnne_block *const block = &work->block;
    const size_t size = block->model->info.output_size, stride = rnne_padded(size);
    float *const x = block->x;
    for (size_t t = 0; t < n; t++, block->x += block->model->input_floats)
        memcpy(block->values[1] + t * stride, step_layers(block), size * sizeof(float));
    block->x = x;
    block->y = block->values[1];
    block->y_stride = stride;
}

const rnne_engine rnne_graph_engine = {RNNE_BLOCK, take, accept, step, steps};
