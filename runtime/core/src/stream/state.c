/* SPDX-License-Identifier: MIT */
/* The state of one stream: bare values, and snapshots (docs/format.md). */
#include "../base/guard.h"

#include "state.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"
#include "../model/held.h"
#include "../w8a16/w8a16_arithmetic.h"

enum {
    VERSION = 1,
    HEADER_NBYTES = 48,
    TENSOR_NBYTES = 8,
    VERSION_AT = 4,
    COUNT_AT = 6,
    DIGEST_AT = 8,
    NUMERICS_AT = 24,
    STEPS_AT = 40,
    DIGEST_NBYTES = 16,
    NUMERICS_NBYTES = 16,
    FLOAT32 = 0,
    FLOAT64 = 1
};

static const uint64_t MAX_STEPS = INT64_MAX;

/* A state tensor: its place and size in floats of one lane, and what it consists of. */
typedef struct tensor {
    uint32_t layer; /* the next one to look at; 0 at first */
    int part;       /* of that layer */
    size_t at, size;
    int width;                 /* bytes of an integer, 0 for floats */
    int bits;                  /* fraction bits */
    const rnne_layer *changes; /* a difference in integers, whose d it is */
} tensor;

static void describe_integers(const rnne_layer *layer, int is_cell, tensor *out)
{
    if (layer->kind == &rnne_kind_difference) {
        out->changes = layer;
        return;
    }
    out->width = is_cell || layer->h_is_wide ? 4 : 2;
    out->bits = is_cell ? layer->q.cell_bits : layer->q.hidden_bits;
}

/* Calls with a tensor of zeros at first give the tensors in order, held readings last, then 0. */
static int next_tensor(const rnne_model *model, tensor *t)
{
    t->width = 0;
    t->changes = NULL;
    for (; t->layer < model->info.num_layers; t->layer++, t->part = 0) {
        const rnne_layer *const layer = &model->layers[t->layer];
        if (t->part >= (layer->h_size > 0) + (layer->c_size > 0))
            continue;
        t->at = t->part ? layer->c_at : layer->h_at;
        t->size = t->part ? layer->c_size : layer->h_size;
        if (layer->role == RNNE_ROLE_INTEGER)
            describe_integers(layer, t->part, t);
        t->part++;
        return 1;
    }
    t->at = model->held_at;
    t->size = model->info.num_features;
    return t->part++ == 0;
}

static double power_of_two(int exponent)
{
    const double power = (double)((uint64_t)1 << (exponent < 0 ? -exponent : exponent));
    return exponent < 0 ? 1.0 / power : power;
}

/* The nearest state, halves up and within its limits; NaN gives 0. */
static int32_t to_state(const tensor *t, float value)
{
    const double largest = t->width == 2 ? RNNE_LARGEST_VALUE : RNNE_LARGEST_STATE;
    double v = (double)value * power_of_two(t->bits);
    v = v > -largest ? v : v <= -largest ? -largest : 0.0;
    v = (v > largest ? largest : v) + 0.5;
    const int32_t cut = (int32_t)v;
    return cut - ((double)cut > v);
}

/* The model input whose reading value i of d is. */
static size_t source_of(const rnne_model *model, const tensor *t, size_t i)
{
    return t->changes->sources[i] - model->readings_at;
}

/* Value i of d: readings, then 1 once there was a step; zeros before. */
static float get_reading(const rnne_model *model, const tensor *t, const int32_t *d, size_t i)
{
    if (!d[t->size - 1] || i == t->size - 1)
        return d[t->size - 1] ? 1.0f : 0.0f;
    return rnne_q_reading(&model->inputs, source_of(model, t, i), d[i]);
}

static int32_t to_reading(const rnne_model *model, const tensor *t, size_t i, float value)
{
    if (i == t->size - 1)
        return (rnne_bits_of_float(value) & 0x7fffffffu) != 0;
    return rnne_q_of_held(model, source_of(model, t, i), value);
}

/* Value i of a tensor. */
static float get_value(const rnne_lane *lane, const tensor *t, size_t i)
{
    const float *const state = lane->state + t->at * lane->lanes;
    int32_t wide;
    if (t->changes)
        return get_reading(lane->model, t, (const int32_t *)(const void *)state, i);
    if (t->width == 0)
        return state[i * lane->lanes];
    if (t->width == 2)
        wide = ((const int16_t *)(const void *)state)[i];
    else
        wide = ((const int32_t *)(const void *)state)[i];
    return (float)(wide * power_of_two(-t->bits));
}

/* Sets value i to what the state keeps of it: only held readings may be tiny. */
static void set_value(const rnne_lane *lane, const tensor *t, size_t i, float value)
{
    const rnne_model *const model = lane->model;
    float *const state = lane->state + t->at * lane->lanes;
    if (t->changes)
        ((int32_t *)(void *)state)[i] = to_reading(model, t, i, value);
    else if (t->width == 2)
        ((int16_t *)(void *)state)[i] = (int16_t)to_state(t, value);
    else if (t->width == 4)
        ((int32_t *)(void *)state)[i] = to_state(t, value);
    else if (t->at != model->held_at)
        state[i * lane->lanes] = rnne_flush(value);
    else
        state[i * lane->lanes] = rnne_takes_integers(model) ? rnne_q_held(model, i, value) : value;
}

/* What layers of a graph start with that do not with zeros: the last of their words. */
static void start_layers(const rnne_lane *lane)
{
    tensor t = {0};
    while (next_tensor(lane->model, &t) && t.layer < lane->model->info.num_layers) {
        const rnne_layer *const layer = &lane->model->layers[t.layer];
        const uint32_t *const start = layer->words + layer->num_words - layer->num_start;
        const size_t first = t.part == 1 ? 0 : layer->h_size;
        for (size_t i = 0; layer->num_start && i < t.size; i++)
            set_value(lane, &t, i, rnne_float_from_bits(start[first + i]));
    }
}

void rnne_lane_reset(rnne_lane lane)
{
    const rnne_model *const model = lane.model;
    for (size_t i = 0; i < model->held_at; i++)
        lane.state[i * lane.lanes] = 0.0f;
    if (model->is_graph)
        start_layers(&lane);
    for (size_t i = 0; i < model->info.num_features; i++)
        lane.state[(model->held_at + i) * lane.lanes] = model->features[i].initial;
    *lane.num_steps = 0;
}

void rnne_lane_get(rnne_lane lane, float *values)
{
    tensor t = {0};
    while (next_tensor(lane.model, &t))
        for (size_t i = 0; i < t.size; i++)
            *values++ = get_value(&lane, &t, i);
}

void rnne_lane_set(rnne_lane lane, const float *values, uint64_t num_steps)
{
    tensor t = {0};
    while (next_tensor(lane.model, &t))
        for (size_t i = 0; i < t.size; i++)
            set_value(&lane, &t, i, *values++);
    *lane.num_steps = num_steps;
}

/* The name of a tensor of the layer that is number `count` among those with state. */
static void write_name(char *name, char letter, uint32_t count)
{
    uint32_t unit = 1;
    *name++ = letter;
    *name++ = '_';
    while (count / unit >= 10)
        unit *= 10;
    for (; unit; unit /= 10)
        *name++ = (char)('0' + count / unit % 10);
    *name = 0;
}

rnne_status rnne_state_entry(const rnne_model *model, uint32_t k, rnne_tensor *found)
{
    uint32_t count = 0;
    size_t at = 0;
    tensor t = {0};
    for (; next_tensor(model, &t); at += t.size) {
        const int is_held = t.layer == model->info.num_layers;
        count += t.part == 1;
        if (k--)
            continue;
        const char letter = is_held ? 0 : model->layers[t.layer].kind->letter;
        found->at = at;
        found->size = t.size;
        if (is_held)
            memcpy(found->name, "held", 5);
        else
            write_name(found->name, letter ? letter : "hc"[t.part - 1], count - 1);
        return RNNE_OK;
    }
    return RNNE_BAD_INDEX;
}

rnne_status rnne_state_find(const rnne_model *model, const char *name, rnne_tensor *found)
{
    rnne_tensor each;
    for (uint32_t k = 0; rnne_state_entry(model, k, &each) == RNNE_OK; k++) {
        size_t i = 0;
        while (each.name[i] && each.name[i] == name[i])
            i++;
        if (each.name[i] == name[i]) {
            *found = each;
            return RNNE_OK;
        }
    }
    return RNNE_BAD_INDEX;
}

size_t rnne_state_nbytes(const rnne_model *model)
{
    return HEADER_NBYTES + TENSOR_NBYTES * (size_t)model->info.num_tensors +
           4 * model->info.state_size + 4;
}

rnne_status rnne_lane_snapshot(rnne_lane lane, void *snapshot, size_t nbytes)
{
    const rnne_info *const info = &lane.model->info;
    uint8_t *const bytes = snapshot, *at = bytes + HEADER_NBYTES;
    const size_t needed = rnne_state_nbytes(lane.model);
    tensor t = {0};
    if (nbytes < needed)
        return RNNE_MEMORY_TOO_SMALL;
    memcpy(bytes, "RNNS", 4);
    rnne_put_u32(bytes + VERSION_AT, VERSION | info->num_tensors << 16);
    memcpy(bytes + DIGEST_AT, info->digest, DIGEST_NBYTES);
    memcpy(bytes + NUMERICS_AT, info->numerics, NUMERICS_NBYTES);
    rnne_put_u64(bytes + STEPS_AT, *lane.num_steps);
    while (next_tensor(lane.model, &t)) {
        rnne_put_u32(at, FLOAT32);
        rnne_put_u32(at + 4, (uint32_t)t.size);
        at += TENSOR_NBYTES;
        for (size_t i = 0; i < t.size; i++, at += 4)
            rnne_put_f32(at, get_value(&lane, &t, i));
    }
    rnne_put_u32(at, rnne_crc32(0, bytes, needed - 4));
    return RNNE_OK;
}

/* The float32 next to a float64; beyond the range infinity, as conversions round. */
static float float32_of(uint64_t bits)
{
    const double limit = 0x1.ffffffp+127;
    double value;
    memcpy(&value, &bits, sizeof value);
    if (value >= limit)
        return rnne_float_from_bits(0x7f800000u);
    if (value <= -limit)
        return rnne_float_from_bits(0xff800000u);
    return (float)value;
}

static rnne_status check_header(const rnne_model *model, const uint8_t *bytes, size_t nbytes,
                                rnne_error *error)
{
    if (nbytes < HEADER_NBYTES + 4 || memcmp(bytes, "RNNS", 4) != 0)
        return rnne_fail(error, RNNE_BAD_SNAPSHOT, 0);
    const uint32_t version = rnne_get_u32(bytes + VERSION_AT) & 0xffffu;
    const uint32_t num_tensors = rnne_get_u32(bytes + VERSION_AT) >> 16;
    if (version > VERSION)
        return rnne_fail(error, RNNE_NEWER_VERSION, VERSION_AT);
    if (rnne_crc32(0, bytes, nbytes - 4) != rnne_get_u32(bytes + nbytes - 4))
        return rnne_fail(error, RNNE_BAD_SNAPSHOT, nbytes - 4);
    if (version < 1)
        return rnne_fail(error, RNNE_BAD_SNAPSHOT, VERSION_AT);
    if (memcmp(bytes + DIGEST_AT, model->info.digest, DIGEST_NBYTES) != 0)
        return rnne_fail(error, RNNE_OTHER_MODEL, DIGEST_AT);
    if (memcmp(bytes + NUMERICS_AT, model->info.numerics, NUMERICS_NBYTES) != 0)
        return rnne_fail(error, RNNE_OTHER_MODEL, NUMERICS_AT);
    if (rnne_get_u64(bytes + STEPS_AT) > MAX_STEPS)
        return rnne_fail(error, RNNE_BAD_SNAPSHOT, STEPS_AT);
    if (num_tensors != model->info.num_tensors)
        return rnne_fail(error, RNNE_BAD_SNAPSHOT, COUNT_AT);
    return RNNE_OK;
}

/* Checks every tensor of a snapshot or, with is_copy, copies it: nothing fails then. */
static rnne_status read_tensors(const rnne_lane *lane, const uint8_t *bytes, size_t end,
                                int is_copy, rnne_error *error)
{
    size_t at = HEADER_NBYTES;
    tensor t = {0};
    while (next_tensor(lane->model, &t)) {
        if (end - at < TENSOR_NBYTES)
            return rnne_fail(error, RNNE_BAD_SNAPSHOT, at);
        const uint32_t type = rnne_get_u32(bytes + at), size = rnne_get_u32(bytes + at + 4);
        const size_t width = type == FLOAT64 ? 8 : 4;
        if (type > FLOAT64 || size != t.size || (end - at - TENSOR_NBYTES) / width < size)
            return rnne_fail(error, RNNE_BAD_SNAPSHOT, at);
        at += TENSOR_NBYTES;
        for (size_t i = 0; is_copy && i < size; i++) {
            const uint8_t *const from = bytes + at + i * width;
            const float value =
                type == FLOAT64 ? float32_of(rnne_get_u64(from)) : rnne_get_f32(from);
            set_value(lane, &t, i, value);
        }
        at += size * width;
    }
    return at == end ? RNNE_OK : rnne_fail(error, RNNE_BAD_SNAPSHOT, at);
}

rnne_status rnne_lane_restore(rnne_lane lane, const void *snapshot, size_t nbytes,
                              rnne_error *error)
{
    const uint8_t *const bytes = snapshot;
    rnne_status status = check_header(lane.model, bytes, nbytes, error);
    if (status == RNNE_OK)
        status = read_tensors(&lane, bytes, nbytes - 4, 0, error);
    if (status != RNNE_OK)
        return status;
    read_tensors(&lane, bytes, nbytes - 4, 1, error);
    *lane.num_steps = rnne_get_u64(bytes + STEPS_AT);
    return RNNE_OK;
}
