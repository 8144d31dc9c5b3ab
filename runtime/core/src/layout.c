/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include <float.h>

#include "bytes.h"

enum {
    NUMERICS_NBYTES = 16,
    SIGNATURE_AT = 48,
    FEATURES_AT = 64,
    FEATURE_NBYTES = 16,
    DERIVED_NBYTES = 16,
    RANGE_NBYTES = 8,
    PROOF_INPUTS_AT = 40, /* in LONG */
    LARGEST_LONG_RUN = 10000,
    MAX_FEATURES = 65536,
    MAX_DERIVED = 256,
    MAX_LAYERS = 256
};

static const char FLOAT_NUMERICS[NUMERICS_NBYTES] = "f32.v1";
static const char INTEGER_NUMERICS[NUMERICS_NBYTES] = "w8a16.v1";

rnne_range rnne_layout_range(const rnne_file *file, size_t i)
{
    const uint8_t *const fields = file->ranges.bytes;
    rnne_range range = {-FLT_MAX, FLT_MAX};
    if (fields) {
        range.low = rnne_get_f32(fields + i * RANGE_NBYTES);
        range.high = rnne_get_f32(fields + i * RANGE_NBYTES + 4);
    }
    return range;
}

rnne_feature rnne_layout_feature(const rnne_file *file, const rnne_layout *layout, size_t i)
{
    const uint8_t *const fields = file->model.bytes + layout->features_at + i * FEATURE_NBYTES;
    const rnne_range range = rnne_layout_range(file, i);
    const float low = range.low, high = range.high;
    /* both zeros are within a range that ends at one */
    const uint32_t least = rnne_key_of_float(low == 0.0f ? -0.0f : low);
    const uint32_t most = rnne_key_of_float(high == 0.0f ? 0.0f : high);
    const rnne_feature feature = {
        rnne_get_u32(fields),
        rnne_get_f32(fields + 4),
        rnne_get_f32(fields + 8),
        rnne_get_f32(fields + 12),
        least,
        most - least,
    };
    return feature;
}

rnne_derived rnne_layout_derived(const rnne_section *model, const rnne_layout *layout, size_t i)
{
    const uint8_t *const fields = model->bytes + layout->derived_at + i * DERIVED_NBYTES;
    const uint64_t bits = rnne_get_u64(fields + 8);
    rnne_derived derived = {rnne_get_u32(fields), 0};
    memcpy(&derived.offset_s, &bits, sizeof bits);
    return derived;
}

static rnne_status check_signature(const rnne_section *model, rnne_layout *layout,
                                   rnne_error *error)
{
    const size_t start = model->offset;
    if (model->nbytes < FEATURES_AT)
        return rnne_fail(error, RNNE_TRUNCATED, start);
    layout->is_integer = memcmp(model->bytes, INTEGER_NUMERICS, NUMERICS_NBYTES) == 0;
    if (!layout->is_integer && memcmp(model->bytes, FLOAT_NUMERICS, NUMERICS_NBYTES) != 0)
        return rnne_fail(error, RNNE_UNSUPPORTED, start);
    const uint8_t *const counts = model->bytes + SIGNATURE_AT;
    layout->num_features = rnne_get_u32(counts);
    layout->num_derived = rnne_get_u32(counts + 4);
    layout->output_size = rnne_get_u32(counts + 8);
    layout->num_layers = rnne_get_u32(counts + 12);
    if (layout->num_features < 1 || layout->num_features > MAX_FEATURES)
        return rnne_fail(error, RNNE_BAD_MODEL, start + SIGNATURE_AT);
    if (layout->num_derived > MAX_DERIVED)
        return rnne_fail(error, RNNE_BAD_MODEL, start + SIGNATURE_AT + 4);
    if (layout->num_layers < 1 || layout->num_layers > MAX_LAYERS)
        return rnne_fail(error, RNNE_BAD_MODEL, start + SIGNATURE_AT + 12);
    layout->features_at = FEATURES_AT;
    layout->derived_at = FEATURES_AT + (size_t)layout->num_features * FEATURE_NBYTES;
    layout->layers_at = layout->derived_at + (size_t)layout->num_derived * DERIVED_NBYTES;
    if (layout->layers_at > model->nbytes)
        return rnne_fail(error, RNNE_TRUNCATED, start + model->nbytes);
    return RNNE_OK;
}

static rnne_status check_ranges(const rnne_file *file, uint32_t num_features, rnne_error *error)
{
    const rnne_section *const ranges = &file->ranges;
    if (ranges->bytes && ranges->nbytes != (size_t)num_features * RANGE_NBYTES)
        return rnne_fail(error, RNNE_BAD_SECTION, ranges->offset);
    for (size_t i = 0; ranges->bytes && i < num_features; i++) {
        const rnne_range range = rnne_layout_range(file, i);
        if (!rnne_is_finite(range.low) || !rnne_is_finite(range.high) || range.low > range.high)
            return rnne_fail(error, RNNE_BAD_MODEL, ranges->offset + i * RANGE_NBYTES);
    }
    return RNNE_OK;
}

static rnne_status check_inputs(const rnne_file *file, const rnne_layout *layout,
                                rnne_error *error)
{
    const rnne_section *const model = &file->model;
    for (size_t i = 0; i < layout->num_features; i++) {
        const rnne_feature f = rnne_layout_feature(file, layout, i);
        if (f.rejects > 1 || !rnne_is_finite(f.low) || !rnne_is_finite(f.high) || f.low > f.high ||
            !rnne_is_finite(f.initial))
            return rnne_fail(error, RNNE_BAD_MODEL,
                             model->offset + layout->features_at + i * FEATURE_NBYTES);
    }
    for (size_t i = 0; i < layout->num_derived; i++) {
        const size_t at = layout->derived_at + i * DERIVED_NBYTES;
        const uint32_t period_s = rnne_get_u32(model->bytes + at);
        if (period_s < 1 || period_s > INT32_MAX || rnne_get_u32(model->bytes + at + 4) != 0)
            return rnne_fail(error, RNNE_BAD_MODEL, model->offset + at);
    }
    return RNNE_OK;
}

/* The proof of a long run, which the core itself does not repeat. */
static rnne_status check_proof(const rnne_section *proof, uint32_t input_size, rnne_error *error)
{
    if (!proof->bytes)
        return RNNE_OK;
    if (proof->nbytes != PROOF_INPUTS_AT + 8 * (size_t)input_size)
        return rnne_fail(error, RNNE_BAD_SECTION, proof->offset);
    const uint32_t num_steps = rnne_get_u32(proof->bytes);
    if (num_steps == 0 || num_steps > LARGEST_LONG_RUN)
        return rnne_fail(error, RNNE_BAD_MODEL, proof->offset);
    for (size_t at = PROOF_INPUTS_AT; at < proof->nbytes; at += 4)
        if (!rnne_is_finite(rnne_get_f32(proof->bytes + at)))
            return rnne_fail(error, RNNE_BAD_MODEL, proof->offset + at);
    return RNNE_OK;
}

static void widen(uint64_t *largest, uint64_t floats)
{
    if (*largest < floats)
        *largest = floats;
}

/* The sums of a layer, and what its products work in. */
static void count_integers(rnne_layout *layout, const rnne_layer *layer)
{
    for (int i = 0; i < 3; i++) {
        uint64_t rows, cols;
        rnne_int_matrix_size(layer, i, &rows, &cols);
        widen(&layout->sum_ints, rnne_int_padded((size_t)rows) + RNNE_INT_STEP);
        widen(&layout->byte_count, 2 * rnne_int_padded((size_t)cols));
    }
    widen(&layout->sum_ints, rnne_int_padded(layer->output_size));
    widen(&layout->value_floats, rnne_padded(layer->hidden_size));
}

/* What a layer needs while it is computed (block.c, int_rows.c). */
static void count_work(rnne_layout *layout, const rnne_layer *layer)
{
    if (layer->part == RNNE_PART_INTEGER && layer->kind != RNNE_EMBEDDING) {
        count_integers(layout, layer);
    } else if (rnne_is_recurrent(layer)) {
        const uint64_t num_gates = layer->kind == RNNE_LSTM ? 4 : layer->kind == RNNE_GRU ? 2 : 1;
        const uint64_t gates = num_gates * layer->hidden_size + 2 * RNNE_PANEL_STEP;
        widen(&layout->gate_floats, gates / RNNE_PANEL_STEP * RNNE_PANEL_STEP +
                                        2 * (uint64_t)rnne_padded(layer->hidden_size));
    }
    widen(&layout->value_floats, rnne_padded(layer->output_size));
    layout->has_float |= layer->part == RNNE_PART_FLOAT;
}

/* Memory of h: int16, of a gru int32; of d int32. */
static size_t int_hidden_floats(const rnne_layer *layer)
{
    if (layer->kind == RNNE_DIFFERENCE)
        return rnne_padded(rnne_first_state_size(layer));
    const size_t padded = rnne_int_padded(layer->output_size);
    return layer->kind == RNNE_GRU ? padded : padded / 2;
}

/* Adds a layer's weights and state. */
static void count_layer(rnne_layout *layout, rnne_layer *layer)
{
    const int is_integer = layer->part == RNNE_PART_INTEGER;
    const size_t size = rnne_first_state_size(layer), hidden = layer->hidden_size;
    if (layout->is_integer)
        layout->weight_nbytes += rnne_int_map_of(layer, layout->num_derived).nbytes;
    else
        layout->weight_nbytes += 4 * rnne_layer_weight_floats(layer);
    if (!rnne_has_state(layer))
        return;
    layer->h_at = (size_t)layout->state_floats;
    layout->state_floats += is_integer ? int_hidden_floats(layer) : rnne_padded(size);
    layout->state_size += size;
    layout->num_tensors++;
    if (layer->kind == RNNE_LSTM) {
        layer->c_at = (size_t)layout->state_floats;
        layout->state_floats += is_integer ? rnne_int_padded(hidden) : rnne_padded(hidden);
        layout->state_size += hidden;
        layout->num_tensors++;
    }
}

rnne_cursor rnne_layout_start(const rnne_layout *layout)
{
    const rnne_cursor cursor = {layout->layers_at, layout->num_features + 2 * layout->num_derived,
                                1, 0, 0};
    return cursor;
}

rnne_status rnne_layout_layer(const rnne_section *model, const rnne_layout *layout,
                              rnne_cursor *cursor, rnne_layer *layer, rnne_error *error)
{
    const size_t start = model->offset + cursor->at;
    const rnne_status status =
        rnne_layer_read(model, layout, &cursor->at, cursor->size, layer, error);
    if (status != RNNE_OK)
        return status;
    if (layer->kind == RNNE_EMBEDDING && !cursor->is_start)
        return rnne_fail(error, RNNE_BAD_MODEL, start);
    if (layout->is_integer &&
        !rnne_has_right_part(layer, cursor, layout->has_float, model->bytes + cursor->at,
                             model->nbytes - cursor->at))
        return rnne_fail(error, RNNE_BAD_MODEL, start + 4);
    layer->holds_readings = layout->holds_readings;
    cursor->size = layer->output_size;
    cursor->is_after_changes = cursor->is_start && layer->kind == RNNE_DIFFERENCE;
    cursor->is_start = 0;
    cursor->is_after_integer = layer->part != RNNE_PART_FLOAT;
    return RNNE_OK;
}

/* Whether layers take readings before the clip, and whether these are integers. */
static rnne_status find_readings(const rnne_section *model, rnne_layout *layout, rnne_layer *layer,
                                 rnne_error *error)
{
    rnne_cursor cursor = rnne_layout_start(layout);
    int is_of_integers = 0;
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const rnne_status status = rnne_layout_layer(model, layout, &cursor, layer, error);
        if (status != RNNE_OK)
            return status;
        layout->has_float |= layer->part == RNNE_PART_FLOAT;
        is_of_integers |= layer->is_input && layer->kind != RNNE_EMBEDDING;
        layout->takes_readings |= rnne_takes_readings(layer);
    }
    layout->holds_readings = is_of_integers && layout->takes_readings;
    layout->has_float = 0;
    return RNNE_OK;
}

rnne_status rnne_layout_read(const rnne_file *file, rnne_layout *layout, rnne_layer *layers,
                             rnne_error *error)
{
    const rnne_section *const model = &file->model;
    memset(layout, 0, sizeof *layout);
    rnne_status status = check_signature(model, layout, error);
    if (status == RNNE_OK)
        status = check_ranges(file, layout->num_features, error);
    if (status == RNNE_OK)
        status = check_inputs(file, layout, error);
    rnne_layer layer;
    if (status == RNNE_OK)
        status = find_readings(model, layout, &layer, error);
    if (status != RNNE_OK)
        return status;
    const uint32_t input_size = layout->num_features + 2 * layout->num_derived;
    rnne_cursor cursor = rnne_layout_start(layout);
    layout->value_floats = rnne_padded(input_size);
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        status = rnne_layout_layer(model, layout, &cursor, &layer, error);
        if (status != RNNE_OK)
            return status;
        count_work(layout, &layer);
        count_layer(layout, &layer);
        if (layers)
            layers[k] = layer;
    }
    if (cursor.at != model->nbytes)
        return rnne_fail(error, RNNE_BAD_SECTION, model->offset + cursor.at);
    if (cursor.size != layout->output_size)
        return rnne_fail(error, RNNE_BAD_MODEL, model->offset + SIGNATURE_AT + 8);
    if (layout->weight_nbytes != file->weights.nbytes)
        return rnne_fail(error, RNNE_BAD_SECTION, file->weights.offset);
    status = check_proof(&file->proof, input_size, error);
    if (status != RNNE_OK)
        return status;
    layout->held_at = layout->state_floats;
    layout->state_floats += rnne_padded(layout->num_features);
    layout->state_size += layout->num_features;
    layout->num_tensors++;
    return RNNE_OK;
}
