/* SPDX-License-Identifier: MIT */
/*
 * Layers of a graph in float32: each reads what earlier ones gave, from where it lies among the
 * values (load/plan.c).  A run takes layer after layer over all its rows; only what a memory goes
 * round is computed row by row.  Every value is that of a single step, so the bytes are too.
 */
#include "../base/guard.h"

#include "engine.h"

#include <string.h>

#include "../layers/kinds.h"

static void take(rnne_work *work, const rnne_model *model, size_t num_rows, int is_sequence,
                 rnne_arena *arena)
{
    const uint64_t rows = num_rows, lanes = is_sequence ? 1 : num_rows;
    const uint64_t num_values = rows * model->value_floats + RNNE_PANEL_STEP;
    const uint64_t num_sums = is_sequence ? rows * model->num_sums : 0;
    const uint64_t num_places = (uint64_t)model->info.num_layers + 1;
    rnne_block *const block = &work->block;
    memset(block, 0, sizeof *block);
    block->model = model;
    block->lanes = (size_t)lanes;
    block->kernels = model->kernels;
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    block->x = rnne_arena_take_zeros(arena, rows * model->input_floats * sizeof(float));
    block->values[0] = rnne_arena_take_zeros(arena, num_values * sizeof(float));
    block->gates = rnne_arena_take_zeros(arena, lanes * model->gate_floats * sizeof(float));
    block->sums = rnne_arena_take_zeros(arena, num_sums * sizeof(float));
    block->at = rnne_arena_take(arena, num_places * sizeof *block->at);
    block->row_sizes = rnne_arena_take_zeros(arena, num_places * sizeof *block->row_sizes);
}

static void accept(rnne_work *work, size_t j, float *state, const float *x)
{
    rnne_block_accept(&work->block, j, state, x);
}

/* What layer k gave in the row that is computed. */
static const float *row_of(const rnne_block *block, int32_t k)
{
    return block->at[k + 1] + (block->row ? block->row * block->row_sizes[k + 1] : 0);
}

/* The states of memories: all layers have given their values, which stay until here. */
static void keep_memories(rnne_block *block)
{
    const rnne_model *const model = block->model;
    for (uint32_t turn = model->loop_at; turn < model->loop_end; turn++) {
        const rnne_layer *const layer = &model->layers[model->layers[turn].turn];
        if (layer->has_next)
            memcpy(block->state + layer->h_at * block->lanes,
                   row_of(block, (int32_t)layer->words[0]),
                   layer->output_size * block->lanes * sizeof(float));
    }
}

/* What a layer reads first, in the row that is computed; x: the readings of that row. */
static const float *first_read(const rnne_block *block, const rnne_layer *layer)
{
    if (!layer->num_reads)
        return NULL;
    if (layer->kind->takes_raw && layer->reads[0] < 0)
        return block->x;
    return rnne_block_read(block, layer, 0);
}

/* What a slice gives; 1: the layer is one. */
static int gives_slice(rnne_block *block, uint32_t k)
{
    const rnne_layer *const layer = &block->model->layers[k];
    if (!layer->is_slice)
        return 0;
    block->at[k + 1] = block->at[layer->reads[0] + 1] + layer->words[0] * block->lanes;
    block->row_sizes[k + 1] = block->row_sizes[layer->reads[0] + 1];
    return 1;
}

static void step(rnne_work *work, size_t n)
{
    rnne_block *const block = &work->block;
    const rnne_model *const model = block->model;
    const size_t lanes = block->lanes;
    float *const values = block->values[0];
    rnne_block_clear(block, n);
    model->kernels->activate(RNNE_IDENTITY, model->info.input_size * lanes, block->x, values);
    block->at[0] = values;
    for (uint32_t turn = 0; turn < model->info.num_layers; turn++) {
        const uint32_t k = model->layers[turn].turn;
        const rnne_layer *const layer = &model->layers[k];
        if (gives_slice(block, k))
            continue;
        float *const out = values + (layer->place + layer->offset) * lanes;
        block->at[k + 1] = layer->kind->step(block, layer, first_read(block, layer), out);
    }
    keep_memories(block);
    block->y = block->at[model->info.num_layers];
    block->y_stride = 1;
}

/* Where the rows of a layer go. */
static float *rows_of(const rnne_block *block, const rnne_layer *layer)
{
    return block->values[0] + (size_t)layer->place * RNNE_MAX_ROWS + layer->offset;
}

static void find_rows(rnne_block *block, uint32_t k)
{
    const rnne_layer *const layer = &block->model->layers[k];
    block->at[k + 1] = rows_of(block, layer);
    block->row_sizes[k + 1] = layer->row_size;
}

/* Row block->row of a layer. */
static void step_row(rnne_block *block, const rnne_layer *layer)
{
    float *const out = rows_of(block, layer) + block->row * layer->row_size;
    const float *const y = layer->kind->step(block, layer, first_read(block, layer), out);
    if (y != out)
        memcpy(out, y, layer->output_size * sizeof *out);
}

/* The products of a layer with its input, for all rows. */
static void find_sums(rnne_block *block, const rnne_layer *layer, size_t n)
{
    float *sums = block->sums;
    for (int m = 0; layer->num_sums && m < layer->kind->num_inputs; m++) {
        const int32_t from = layer->reads[0] + 1;
        const rnne_operands input = {0, block->at[from], layer->input_size, NULL, 0};
        block->kernels->product_steps(&layer->matrix[m], &input, n, block->row_sizes[from], sums);
        block->known[m] = sums;
        sums += n * layer->matrix[m].rows;
    }
}

static void layer_rows(rnne_block *block, uint32_t k, size_t n)
{
    const rnne_layer *const layer = &block->model->layers[k];
    float *const x = block->x;
    if (gives_slice(block, k))
        return;
    find_rows(block, k);
    find_sums(block, layer, n);
    for (block->row = 0; block->row < n; block->row++) {
        step_row(block, layer);
        for (int m = 0; block->known[0] && m < layer->kind->num_inputs; m++)
            block->known[m] += layer->matrix[m].rows;
        block->x += block->model->input_floats;
    }
    block->known[0] = block->known[1] = NULL;
    block->row = 0;
    block->x = x;
}

/* The layers in the loop and the memories that it goes through, row by row. */
static void loop_rows(rnne_block *block, size_t n)
{
    const rnne_model *const model = block->model;
    float *const x = block->x;
    for (uint32_t turn = model->loop_at; turn < model->loop_end; turn++)
        if (!gives_slice(block, model->layers[turn].turn))
            find_rows(block, model->layers[turn].turn);
    for (block->row = 0; block->row < n; block->row++) {
        for (uint32_t turn = model->loop_at; turn < model->loop_end; turn++) {
            const rnne_layer *const layer = &model->layers[model->layers[turn].turn];
            if (!layer->is_slice)
                step_row(block, layer);
        }
        keep_memories(block);
        block->x += model->input_floats;
    }
    block->row = 0;
    block->x = x;
}

static void steps(rnne_work *work, size_t n)
{
    rnne_block *const block = &work->block;
    const rnne_model *const model = block->model;
    const uint32_t num_layers = model->info.num_layers;
    const size_t row_size = rnne_padded(model->info.input_size);
    block->at[0] = block->values[0];
    block->row_sizes[0] = row_size;
    for (size_t t = 0; t < n; t++)
        model->kernels->activate(RNNE_IDENTITY, model->info.input_size,
                                 block->x + t * model->input_floats,
                                 block->values[0] + t * row_size);
    for (uint32_t turn = 0; turn < model->loop_at; turn++)
        layer_rows(block, model->layers[turn].turn, n);
    if (model->loop_at < model->loop_end)
        loop_rows(block, n);
    for (uint32_t turn = model->loop_end; turn < num_layers; turn++)
        layer_rows(block, model->layers[turn].turn, n);
    block->y = block->at[num_layers];
    block->y_stride = block->row_sizes[num_layers];
}

const rnne_engine rnne_graph_engine = {RNNE_BLOCK, take, accept, step, steps};
