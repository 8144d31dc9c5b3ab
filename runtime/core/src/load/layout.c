/* SPDX-License-Identifier: MIT */
#include "layout.h"

#include "graph.h"
#include "graph_q.h"

#include <float.h>

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum {
    NUMERICS_NBYTES = 16,
    SIGNATURE_AT = 48,
    FEATURES_AT = 64,
    FEATURE_NBYTES = 16,
    POLICY_MASK = 0xff,
    OUTPUT_SHIFT = 8,
    DERIVED_NBYTES = 16,
    RANGE_NBYTES = 8,
    PROOF_INPUTS_AT = 40, /* in LONG */
    LARGEST_LONG_RUN = 10000,
    MAX_FEATURES = 65536,
    MAX_DERIVED = 256
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

/* The first field of feature i: its policy, and above that the output that fills its holes. */
static uint32_t policy_word(const rnne_file *file, const rnne_layout *layout, size_t i)
{
    return rnne_get_u32(file->model.bytes + layout->features_at + i * FEATURE_NBYTES);
}

uint32_t rnne_layout_policy(const rnne_file *file, const rnne_layout *layout, size_t i)
{
    return policy_word(file, layout, i) & POLICY_MASK;
}

rnne_fill rnne_layout_fill(const rnne_file *file, const rnne_layout *layout, size_t i)
{
    const uint32_t output = policy_word(file, layout, i) >> OUTPUT_SHIFT;
    const rnne_fill fill = {(uint32_t)i, output, rnne_layout_range(file, i)};
    return fill;
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
        rnne_layout_policy(file, layout, i) == RNNE_REJECT,
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
    if (layout->num_layers < 1 || layout->num_layers > RNNE_MAX_LAYERS)
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
        const uint32_t policy = rnne_layout_policy(file, layout, i);
        const uint32_t output = rnne_layout_fill(file, layout, i).output;
        if (policy >= RNNE_NUM_POLICIES ||
            output >= (policy == RNNE_PREDICT ? layout->output_size : 1) ||
            !rnne_is_finite(f.low) || !rnne_is_finite(f.high) || f.low > f.high ||
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

static uint64_t larger(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* The sums of an integer layer, and what its products work in. */
static void count_integers(rnne_layout *layout, const rnne_layer *layer)
{
    const size_t in = layer->input_size, out = layer->output_size;
    const size_t hidden = layer->num_gates ? layer->hidden_size : 0;
    const uint64_t rows = larger((uint64_t)layer->num_gates * hidden, out);
    widen(&layout->num_sums, rnne_q_padded((size_t)rows) + RNNE_Q_STEP);
    widen(&layout->value_floats, rnne_padded(hidden));
    if (layer->kind->num_inputs)
        widen(&layout->byte_count, 2 * rnne_q_padded((size_t)larger(larger(in, out), hidden)));
}

/* Memory of n values of the state. */
static size_t state_floats(const rnne_layer *layer, size_t n, int is_wide)
{
    if (layer->role != RNNE_ROLE_INTEGER)
        return rnne_padded(n);
    return rnne_q_padded(n) / (is_wide ? 1 : 2);
}

static size_t count_state(rnne_layout *layout, const rnne_layer *layer, size_t n, int is_wide)
{
    const size_t at = (size_t)layout->state_floats;
    layout->state_floats += state_floats(layer, n, is_wide);
    layout->state_size += n;
    layout->num_tensors += n > 0;
    return at;
}

/* Adds a layer's weights and state, and what it needs while it is computed. */
static void count_layer(rnne_layout *layout, rnne_layer *layer)
{
    rnne_tensors tensors = {NULL, NULL, 0, 0, 0};
    rnne_take_layer(layer, layout->num_derived, &layout->inputs, &tensors);
    layout->weight_nbytes += tensors.at;
    if (layer->role == RNNE_ROLE_INTEGER && layer->kind != &rnne_kind_embedding)
        count_integers(layout, layer);
    else
        widen(&layout->gate_floats, layer->gate_floats);
    if (layer->role == RNNE_ROLE_NONE)
        widen(&layout->num_sums, layer->num_sums);
    widen(&layout->value_floats, rnne_padded(layer->output_size));
    layout->has_float |= layer->role == RNNE_ROLE_FLOAT;
    layer->h_at = count_state(layout, layer, layer->h_size, layer->h_is_wide);
    layer->c_at = count_state(layout, layer, layer->c_size, 1);
}

/* Whether layers take readings before the clip, and whether these are integers. */
static rnne_status find_readings(const rnne_section *model, rnne_layout *layout, rnne_error *error)
{
    rnne_layer *const layer = &layout->layer;
    rnne_cursor cursor = rnne_layout_start(layout);
    int is_of_integers = 0;
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        const size_t at = model->offset + cursor.at;
        const rnne_status status = rnne_layout_layer(model, layout, &cursor, layer, error);
        if (status != RNNE_OK)
            return status;
        if (layout->is_graph && layer->output_size > UINT16_MAX)
            return rnne_fail(error, RNNE_TOO_LARGE, at);
        layout->sizes[k] = (uint16_t)layer->output_size;
        layout->has_float |= layer->role == RNNE_ROLE_FLOAT;
        is_of_integers |= layer->is_input && layer->kind != &rnne_kind_embedding;
        layout->takes_readings |= layer->takes_readings;
    }
    layout->holds_readings = is_of_integers && layout->takes_readings;
    layout->has_float = 0;
    if (layout->is_graph && layout->is_integer)
        return rnne_graph_roles(model, layout, error);
    return RNNE_OK;
}

rnne_status rnne_layout_read(const rnne_file *file, rnne_layout *layout, rnne_layer *layers,
                             rnne_error *error)
{
    const rnne_section *const model = &file->model;
    memset(layout, 0, sizeof *layout);
    layout->is_graph = file->version >= 2;
    rnne_status status = check_signature(model, layout, error);
    if (status == RNNE_OK)
        status = check_ranges(file, layout->num_features, error);
    if (status == RNNE_OK)
        status = check_inputs(file, layout, error);
    rnne_layer *const layer = &layout->layer;
    if (status == RNNE_OK)
        status = find_readings(model, layout, error);
    if (status != RNNE_OK)
        return status;
    const uint32_t input_size = layout->num_features + 2 * layout->num_derived;
    rnne_cursor cursor = rnne_layout_start(layout);
    layout->value_floats = rnne_padded(input_size);
    for (uint32_t k = 0; k < layout->num_layers; k++) {
        status = rnne_layout_layer(model, layout, &cursor, layer, error);
        if (status != RNNE_OK)
            return status;
        count_layer(layout, layer);
        if (layers)
            layers[k] = *layer;
    }
    if (cursor.at != model->nbytes)
        return rnne_fail(error, RNNE_BAD_SECTION, model->offset + cursor.at);
    if (cursor.size != layout->output_size)
        return rnne_fail(error, RNNE_BAD_MODEL, model->offset + SIGNATURE_AT + 8);
    const uint64_t widest = layout->value_floats;
    if (layout->is_graph)
        status = rnne_graph_check(model, layout, error);
    if (status == RNNE_OK && layout->is_graph && layout->is_integer) {
        layout->value_floats = widest;
        status = rnne_graph_places(model, layout, layers, error);
    }
    if (status != RNNE_OK)
        return status;
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
