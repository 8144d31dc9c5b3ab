/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include "graph.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"
#include "../model/held.h"
#include "../stream/engine.h"
#include "isa.h"

/* The features whose holes forecasts fill. */
static void take_fills(rnne_arena *arena, const rnne_file *file, const rnne_layout *layout,
                       rnne_model *model)
{
    size_t n = 0;
    for (size_t i = 0; i < layout->num_features; i++)
        n += rnne_layout_policy(file, layout, i) == RNNE_PREDICT;
    rnne_fill *const fills = rnne_arena_take(arena, n * sizeof *fills);
    if (!arena->base)
        return;
    model->fills = fills;
    for (size_t i = 0; i < layout->num_features; i++)
        if (rnne_layout_policy(file, layout, i) == RNNE_PREDICT)
            fills[model->num_fills++] = rnne_layout_fill(file, layout, i);
}

/*
 * Lays a model out in the arena; where the arena has memory, fills it in.  The layout was
 * checked, so nothing can fail.
 */
static rnne_model *build(rnne_arena *arena, const rnne_file *file, rnne_layout *layout)
{
    rnne_model *const model = rnne_arena_take_zeros(arena, sizeof *model);
    rnne_feature *const features = rnne_arena_take(arena, layout->num_features * sizeof *features);
    rnne_derived *const derived = rnne_arena_take(arena, layout->num_derived * sizeof *derived);
    rnne_layer *const layers = rnne_arena_take(arena, layout->num_layers * sizeof *layers);
    take_fills(arena, file, layout, model);
    if (arena->base) {
        model->features = features;
        model->derived = derived;
        model->layers = layers;
        for (size_t i = 0; i < layout->num_features; i++)
            features[i] = rnne_layout_feature(file, layout, i);
        for (size_t i = 0; i < layout->num_derived; i++)
            derived[i] = rnne_layout_derived(&file->model, layout, i);
        rnne_layout_read(file, layout, layers, NULL);
    }
    rnne_tensors tensors = {file->weights.bytes, arena, 0, 0, 0};
    memset(&layout->inputs, 0, sizeof layout->inputs);
    rnne_cursor cursor = rnne_layout_start(layout);
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        if (!arena->base)
            rnne_layout_layer(&file->model, layout, &cursor, &layout->layer, NULL);
        rnne_layer *const layer = arena->base ? &layers[k] : &layout->layer;
        rnne_take_layer(layer, layout->num_derived, &layout->inputs, &tensors);
        rnne_graph_pack(layer, arena);
    }
    int32_t *least = NULL, *most = NULL;
    if (file->ranges.bytes) {
        least = rnne_arena_take(arena, layout->num_features * sizeof *least);
        most = rnne_arena_take(arena, layout->num_features * sizeof *most);
    }
    if (arena->base && layout->is_graph)
        model->inputs = layout->inputs;
    if (arena->base && layers[0].is_input) {
        model->inputs = layout->inputs;
        model->holds_readings = layout->holds_readings;
        model->takes_tokens = layers[0].kind == &rnne_kind_embedding;
        for (uint32_t i = 0; least && i < layout->num_features; i++)
            rnne_q_range(model, i, rnne_layout_range(file, i), least + i, most + i);
        model->inputs.least = least;
        model->inputs.most = most;
        for (uint32_t i = 0; i < layout->num_features; i++)
            features[i].initial = rnne_q_held(model, i, features[i].initial);
    }
    return model;
}

static void describe(rnne_model *model, const rnne_file *file, const rnne_layout *layout)
{
    rnne_info *const info = &model->info;
    info->num_features = layout->num_features;
    info->num_derived = layout->num_derived;
    info->input_size = layout->num_features + 2 * layout->num_derived;
    info->output_size = layout->output_size;
    info->num_layers = layout->num_layers;
    info->num_tensors = layout->num_tensors;
    info->state_size = (size_t)layout->state_size;
    memcpy(info->numerics, file->model.bytes, sizeof info->numerics - 1);
    memcpy(info->digest, file->model.bytes + sizeof info->numerics - 1, sizeof info->digest);
    model->state_floats = (size_t)layout->state_floats;
    model->held_at = (size_t)layout->held_at;
    model->readings_at = layout->takes_readings ? rnne_padded(info->input_size) : 0;
    model->input_floats = rnne_padded(info->input_size) + model->readings_at;
    model->value_floats = (size_t)layout->value_floats;
    model->gate_floats = (size_t)layout->gate_floats;
    model->has_float = layout->has_float;
    model->is_graph = layout->is_graph;
    model->loop_at = layout->loop_at;
    model->loop_end = layout->loop_end;
    model->has_ranges = file->ranges.bytes != NULL;
    model->num_sums = (size_t)layout->num_sums;
    model->byte_count = (size_t)layout->byte_count;
}

/* Whether a block of streams, the largest object but the model, fits the address space. */
static int fits(const rnne_layout *layout, uint64_t model_nbytes)
{
    const uint64_t floats = 2 * layout->state_floats + 5 * layout->value_floats +
                            layout->gate_floats + 2 * layout->num_sums + layout->byte_count / 4 +
                            3 * (uint64_t)RNNE_Q_STEP + (1u << 18);
    return model_nbytes < SIZE_MAX / 2 && floats < SIZE_MAX / 2 / 4 / RNNE_BLOCK;
}

static rnne_status measure(const rnne_file *file, rnne_layout *layout, uint64_t *nbytes,
                           rnne_error *error)
{
    const rnne_status status = rnne_layout_read(file, layout, NULL, error);
    if (status != RNNE_OK)
        return status;
    rnne_arena arena = rnne_arena_counting();
    build(&arena, file, layout);
    if (!fits(layout, arena.used))
        return rnne_fail(error, RNNE_TOO_LARGE, file->model.offset);
    *nbytes = arena.used;
    return RNNE_OK;
}

rnne_status rnne_model_nbytes(const void *bytes, size_t file_nbytes, size_t *nbytes,
                              rnne_error *error)
{
    rnne_file file;
    rnne_layout layout;
    uint64_t needed = 0;
    rnne_status status = rnne_file_open(bytes, file_nbytes, &file, error);
    if (status == RNNE_OK)
        status = measure(&file, &layout, &needed, error);
    *nbytes = (size_t)needed;
    return status;
}

static rnne_status check_weights(const rnne_file *file, rnne_layout *layout, rnne_error *error)
{
    const rnne_section *const weights = &file->weights;
    rnne_cursor cursor = rnne_layout_start(layout);
    rnne_tensors tensors = {weights->bytes, NULL, 0, 0, 0};
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        rnne_layout_layer(&file->model, layout, &cursor, &layout->layer, NULL);
        rnne_take_layer(&layout->layer, layout->num_derived, &layout->inputs, &tensors);
        if (tensors.is_invalid)
            return rnne_fail(error, RNNE_BAD_WEIGHTS, weights->offset + (size_t)tensors.fault_at);
    }
    return RNNE_OK;
}

rnne_status rnne_model_init(void *mem, size_t mem_nbytes, const void *bytes, size_t file_nbytes,
                            rnne_isa isa, rnne_model **model, rnne_error *error)
{
    rnne_file file;
    rnne_layout layout;
    uint64_t needed = 0;
    *model = NULL;
    rnne_status status = rnne_file_open(bytes, file_nbytes, &file, error);
    if (status == RNNE_OK)
        status = rnne_file_check_sum(&file, error);
    if (status == RNNE_OK)
        status = measure(&file, &layout, &needed, error);
    if (status == RNNE_OK)
        status = check_weights(&file, &layout, error);
    if (status != RNNE_OK)
        return status;
    if (mem_nbytes < needed)
        return rnne_fail(error, RNNE_MEMORY_TOO_SMALL, mem_nbytes);
    isa = rnne_isa_chosen(isa, layout.is_integer);
    if (isa == RNNE_ISA_AUTO)
        return rnne_fail(error, RNNE_UNSUPPORTED, 0);
    rnne_arena arena = rnne_arena_in(mem);
    rnne_model *const built = build(&arena, &file, &layout);
    if (layout.is_graph && !layout.is_integer)
        status = rnne_graph_plan(&layout, (rnne_layer *)built->layers, error);
    if (status == RNNE_OK && !fits(&layout, needed))
        status = rnne_fail(error, RNNE_TOO_LARGE, file.model.offset);
    if (status != RNNE_OK)
        return status;
    describe(built, &file, &layout);
    built->kernels = rnne_isa_kernels(isa);
    built->q_kernels = layout.is_integer ? rnne_isa_q_kernels(isa) : NULL;
    built->engine = layout.is_graph
                        ? (layout.is_integer ? &rnne_graph_q_engine : &rnne_graph_engine)
                    : layout.is_integer ? &rnne_w8a16_engine
                                        : &rnne_f32_engine;
    built->info.isa = isa;
    *model = built;
    return RNNE_OK;
}

void rnne_model_info(const rnne_model *model, rnne_info *info)
{
    *info = model->info;
}
