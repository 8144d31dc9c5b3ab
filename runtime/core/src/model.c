/* SPDX-License-Identifier: MIT */
#include "model.h"

#include "bytes.h"
#include "isa.h"
#include "layout.h"

/*
 * Lays a model out in the arena; where the arena has memory, fills it in.  The layout was
 * checked, so nothing can fail.
 */
static rnne_model *build(rnne_arena *arena, const rnne_file *file, const rnne_layout *layout)
{
    rnne_model *const model = rnne_arena_take(arena, sizeof *model);
    rnne_feature *const features = rnne_arena_take(arena, layout->num_features * sizeof *features);
    rnne_derived *const derived = rnne_arena_take(arena, layout->num_derived * sizeof *derived);
    rnne_layer *const layers = rnne_arena_take(arena, layout->num_layers * sizeof *layers);
    if (arena->base) {
        memset(model, 0, sizeof *model);
        model->features = features;
        model->derived = derived;
        model->layers = layers;
        for (size_t i = 0; i < layout->num_features; i++)
            features[i] = rnne_layout_feature(&file->model, layout, i);
        for (size_t i = 0; i < layout->num_derived; i++)
            derived[i] = rnne_layout_derived(&file->model, layout, i);
        rnne_layout again;
        rnne_layout_read(file, &again, layers, NULL);
    }
    const uint32_t input_size = layout->num_features + 2 * layout->num_derived;
    uint32_t size = input_size;
    size_t at = layout->layers_at;
    const uint8_t *weights = file->weights.bytes;
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        rnne_layer scanned, *const layer = arena->base ? &layers[k] : &scanned;
        if (!arena->base)
            rnne_layer_read(&file->model, &at, size, input_size, layer, NULL);
        rnne_layer_pack(layer, arena, weights);
        weights += 4 * rnne_layer_weight_floats(layer);
        size = layer->output_size;
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
    model->input_floats = rnne_padded(info->input_size);
    model->value_floats = (size_t)layout->value_floats;
    model->gate_floats = (size_t)layout->gate_floats;
}

/* Whether a block of streams, the largest object but the model, fits the address space. */
static int fits(const rnne_layout *layout, uint64_t model_nbytes)
{
    const uint64_t floats =
        2 * layout->state_floats + 2 * layout->value_floats + layout->gate_floats + (1u << 18);
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

static rnne_status check_weights(const rnne_section *weights, rnne_error *error)
{
    for (size_t at = 0; at < weights->nbytes; at += 4)
        if (!rnne_is_finite(rnne_get_f32(weights->bytes + at)))
            return rnne_fail(error, RNNE_BAD_WEIGHTS, weights->offset + at);
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
        status = check_weights(&file.weights, error);
    if (status != RNNE_OK)
        return status;
    if (mem_nbytes < needed)
        return rnne_fail(error, RNNE_MEMORY_TOO_SMALL, mem_nbytes);
    const rnne_kernels *const kernels = rnne_isa_kernels(&isa);
    if (!kernels)
        return rnne_fail(error, RNNE_UNSUPPORTED, 0);
    rnne_arena arena = rnne_arena_in(mem);
    rnne_model *const built = build(&arena, &file, &layout);
    describe(built, &file, &layout);
    built->kernels = kernels;
    built->info.isa = isa;
    *model = built;
    return RNNE_OK;
}

void rnne_model_info(const rnne_model *model, rnne_info *info)
{
    *info = model->info;
}
