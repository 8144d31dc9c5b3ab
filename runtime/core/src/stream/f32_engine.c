/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "f32_engine.h"

#include <string.h>

#include "../layers/stateless.h"

void rnne_block_take(rnne_block *block, const rnne_model *model, size_t lanes, rnne_arena *arena)
{
    const uint64_t nbytes = (uint64_t)lanes * sizeof(float);
    block->model = model;
    block->lanes = lanes;
    block->kernels = model->kernels;
    block->num_unknown_tokens = 0;
    block->x = rnne_arena_take(arena, model->input_floats * nbytes);
    block->values[0] = rnne_arena_take(arena, model->value_floats * nbytes);
    block->values[1] = rnne_arena_take(arena, model->value_floats * nbytes);
    block->gates = rnne_arena_take(arena, model->gate_floats * nbytes);
    if (!arena->base)
        return;
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    memset(block->x, 0, (size_t)(model->input_floats * nbytes));
    memset(block->values[0], 0, (size_t)(model->value_floats * nbytes));
    memset(block->values[1], 0, (size_t)(model->value_floats * nbytes));
    memset(block->gates, 0, (size_t)(model->gate_floats * nbytes));
}

size_t rnne_gates_end(const rnne_layer *layer)
{
    return layer->matrix[0].rows + RNNE_PANEL_STEP;
}

/* out[rows] = chain from the bias over x and h. */
static void product(const rnne_block *block, const rnne_matrix *matrix,
                    const rnne_operands *operands, float *out)
{
    if (block->lanes == 1)
        block->kernels->product(matrix, matrix->bias, operands, out);
    else
        block->kernels->product_block(matrix, operands, out);
}

/* The weights that a single step reads behind those of a layer. */
static const float *weights_behind(const rnne_block *block, const rnne_layer *layer)
{
    const rnne_model *const model = block->model;
    const size_t next = (size_t)(layer - model->layers + 1) % model->info.num_layers;
    return block->lanes == 1 ? model->layers[next].matrix[0].weights : NULL;
}

/* Returns the layer's output, which is its new h. */
static const float *cell_step(const rnne_block *block, const rnne_layer *layer, const float *z)
{
    const rnne_kernels *const kernels = block->kernels;
    const size_t lanes = block->lanes, n = layer->hidden_size * lanes;
    float *const gates = block->gates;
    float *const behind = gates + rnne_gates_end(layer) * lanes;
    float *const h = block->state + layer->h_at * lanes;
    float *const c = block->state + layer->c_at * lanes;
    const rnne_operands both = {0, z, layer->input_size, h, layer->output_size};
    product(block, &layer->matrix[0], &both, gates);
    if (layer->kind == RNNE_RNN) {
        kernels->activate(layer->variant ? RNNE_RELU : RNNE_TANH, n, gates, h);
    } else if (layer->kind == RNNE_GRU) {
        float *const n_rec = behind + layer->matrix[1].rows * lanes;
        const rnne_operands input = {0, z, layer->input_size, h, 0};
        const rnne_operands recurrent = {0, h, layer->hidden_size, h, 0};
        product(block, &layer->matrix[1], &input, behind);
        product(block, &layer->matrix[2], &recurrent, n_rec);
        kernels->gru(n, gates, behind, n_rec, h);
    } else if (!layer->variant) {
        kernels->lstm(n, gates, c, h, weights_behind(block, layer));
    } else {
        const rnne_operands projected = {0, behind, layer->hidden_size, h, 0};
        kernels->lstm(n, gates, c, behind, layer->matrix[1].weights);
        product(block, &layer->matrix[1], &projected, h);
        kernels->activate(RNNE_IDENTITY, layer->output_size * lanes, h, h);
    }
    return h;
}

const float *rnne_first_values(const rnne_model *model, size_t lanes, const float *x, float *out)
{
    const rnne_kind kind = model->layers[0].kind;
    if (kind == RNNE_AFFINE || kind == RNNE_EMBEDDING)
        return x;
    model->kernels->activate(RNNE_IDENTITY, model->info.input_size * lanes, x, out);
    return out;
}

const float *rnne_block_layer(rnne_block *block, const rnne_layer *layer, const float *z,
                              float *out)
{
    const rnne_kernels *const kernels = block->model->kernels;
    const size_t lanes = block->lanes;
    const rnne_values values = {lanes, block->state, block->x, z, out};
    if (rnne_is_recurrent(layer))
        return cell_step(block, layer, z);
    if (layer->kind == RNNE_LINEAR) {
        const rnne_operands operands = {0, z, layer->input_size, z, 0};
        product(block, &layer->matrix[0], &operands, out);
        kernels->activate(RNNE_IDENTITY, layer->output_size * lanes, out, out);
    } else {
        rnne_stateless(layer, kernels, &values, &block->num_unknown_tokens);
    }
    return out;
}

const float *rnne_block_step(rnne_block *block)
{
    const rnne_model *const model = block->model;
    const float *z = rnne_first_values(model, block->lanes, block->x, block->values[0]);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        float *const out = z == block->values[0] ? block->values[1] : block->values[0];
        z = rnne_block_layer(block, &model->layers[k], z, out);
    }
    return z;
}
