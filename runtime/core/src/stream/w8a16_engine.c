/* SPDX-License-Identifier: MIT */
/* Rows through the layers (int_rows.h); sums are exact, so their order is free. */
#include "../base/guard.h"

#include "w8a16_engine.h"

#include "../layers/w8a16_readings.h"
#include "../w8a16/w8a16_arithmetic.h"
#include "../w8a16/w8a16_convert.h"
#include "f32_engine.h"

void rnne_rows_take(rnne_rows *rows, const rnne_model *model, size_t capacity, rnne_arena *arena)
{
    const uint64_t n = capacity, value_halves = rnne_q_padded(model->value_floats);
    rnne_rows r;
    memset(&r, 0, sizeof r);
    r.capacity = capacity;
    r.states = rnne_arena_take(arena, n * sizeof *r.states);
    r.operands = rnne_arena_take(arena, n * sizeof *r.operands);
    r.z = rnne_arena_take(arena, n * sizeof *r.z);
    r.x = rnne_arena_take(arena, n * model->input_floats * sizeof *r.x);
    r.inputs = rnne_arena_take(arena, n * model->input_floats * sizeof *r.inputs);
    for (int i = 0; i < 2; i++) {
        r.real[i] = rnne_arena_take(arena, n * model->value_floats * sizeof *r.real[i]);
        r.q[i] = rnne_arena_take(arena, n * value_halves * sizeof *r.q[i]);
        r.sums[i] = rnne_arena_take(arena, n * model->sum_ints * sizeof *r.sums[i]);
    }
    if (model->holds_readings)
        r.wide = rnne_arena_take(arena, n * model->value_floats * sizeof *r.wide);
    r.bytes = rnne_arena_take(arena, n * model->byte_count);
    if (model->has_float)
        rnne_block_take(&r.block, model, 1, arena);
    r.block.model = model;
    r.block.lanes = 1;
    if (!arena->base)
        return;
    /* Vectors read what lies behind the last value: it has to be there, its value is not used. */
    memset(r.x, 0, (size_t)n * model->input_floats * sizeof *r.x);
    for (int i = 0; i < 2; i++) {
        memset(r.real[i], 0, (size_t)n * model->value_floats * sizeof *r.real[i]);
        memset(r.q[i], 0, (size_t)(n * value_halves) * sizeof *r.q[i]);
        memset(r.sums[i], 0, (size_t)n * model->sum_ints * sizeof *r.sums[i]);
    }
    *rows = r;
}

/* Some rows of one layer's step. */
typedef struct part {
    size_t first, n;
    int from, to; /* buffers q that its input may be in, and that its output goes to */
} part;

static int16_t *q_row(const rnne_rows *rows, int buffer, size_t j)
{
    return rows->q[buffer] + j * rnne_q_padded(rows->block.model->value_floats);
}

static int32_t *sum_row(const rnne_rows *rows, int buffer, size_t j)
{
    return rows->sums[buffer] + j * rows->block.model->sum_ints;
}

/* Sums number `out` of the rows, started from the matrix' own or from sums 0. */
static void product(const rnne_rows *rows, const rnne_q_matrix *matrix, const part *p,
                    const int16_t *const *x, int is_own_start, int out)
{
    const rnne_model *const model = rows->block.model;
    const rnne_q_operands operands = {
        p->n,
        x,
        is_own_start ? matrix->start : sum_row(rows, 0, p->first),
        is_own_start ? 0 : model->sum_ints,
        sum_row(rows, out, p->first),
        model->sum_ints,
        rows->bytes,
    };
    model->q_kernels->product(matrix, &operands);
}

static void project(const rnne_rows *rows, const rnne_layer *layer, const part *p)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    for (size_t j = 0; j < p->n; j++)
        rows->operands[j] = q_row(rows, p->from, p->first + j);
    product(rows, &layer->integer.matrix[2], p, rows->operands, 1, 1);
    for (size_t j = p->first; j < p->first + p->n; j++) {
        int16_t *const h = (int16_t *)(void *)(rows->states[j] + layer->h_at);
        kernels->activate(RNNE_IDENTITY, layer->output_size, sum_row(rows, 1, j), h);
    }
}

/* The state of some rows, whose products with the input are sums 0. */
static void cell_part(rnne_rows *rows, const rnne_layer *layer, const part *p)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    const size_t n = layer->hidden_size, end = p->first + p->n;
    const int is_gru = layer->kind == RNNE_GRU;
    for (size_t j = p->first; j < end; j++) {
        void *const h = rows->states[j] + layer->h_at;
        rows->operands[j - p->first] = is_gru ? q_row(rows, p->from, j) : h;
        if (is_gru)
            kernels->narrow(n, h, q_row(rows, p->from, j));
    }
    product(rows, &layer->integer.matrix[1], p, rows->operands, is_gru, 1);
    for (size_t j = p->first; j < end; j++) {
        const int32_t *const sums = sum_row(rows, 1, j);
        void *const h = rows->states[j] + layer->h_at;
        if (is_gru)
            kernels->gru(n, sum_row(rows, 0, j), sums, h);
        else if (layer->kind == RNNE_RNN)
            kernels->activate(layer->variant ? RNNE_RELU : RNNE_TANH, n, sums, h);
        else
            kernels->lstm(n, layer->integer.cell_bits, sums,
                          (int32_t *)(void *)(rows->states[j] + layer->c_at),
                          layer->variant ? q_row(rows, p->from, j) : h);
    }
    if (layer->kind == RNNE_LSTM && layer->variant)
        project(rows, layer, p);
}

static void cell(rnne_rows *rows, const rnne_layer *layer, const part *p, int is_sequence)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    part one = *p;
    product(rows, &layer->integer.matrix[0], p, rows->z, 1, 0);
    one.n = is_sequence ? 1 : p->n;
    for (one.first = 0; one.first < p->n; one.first += one.n) {
        cell_part(rows, layer, &one);
        for (size_t j = one.first; j < one.first + one.n; j++) {
            void *const h = rows->states[j] + layer->h_at;
            int16_t *const out = q_row(rows, p->to, j);
            if (layer->kind == RNNE_GRU)
                kernels->narrow(layer->hidden_size, h, out);
            else if (is_sequence)
                memcpy(out, h, layer->output_size * sizeof *out);
            rows->z[j] = layer->kind == RNNE_GRU || is_sequence ? out : h;
        }
    }
}

/* ---- layers without state ---- */

static void linear(rnne_rows *rows, const rnne_layer *layer, const part *p)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    product(rows, &layer->integer.matrix[0], p, rows->z, 1, 0);
    for (size_t j = 0; j < p->n; j++)
        kernels->activate(RNNE_IDENTITY, layer->output_size, sum_row(rows, 0, j),
                          q_row(rows, p->to, j));
}

static void activation(rnne_rows *rows, const rnne_layer *layer, const part *p)
{
    const rnne_q_kernels *const kernels = rows->block.model->q_kernels;
    const int64_t gain = layer->integer.gain[0];
    for (size_t j = 0; j < p->n; j++) {
        int32_t *const v = sum_row(rows, 0, j);
        for (size_t i = 0; i < layer->input_size; i++)
            v[i] = (int32_t)rnne_shifted_wide(rows->z[j][i] * gain, 15);
        kernels->activate((rnne_function)layer->variant, layer->input_size, v,
                          q_row(rows, p->to, j));
    }
}

static void embedding(rnne_rows *rows, const rnne_layer *layer, const part *p)
{
    const size_t size = layer->output_size;
    for (size_t j = 0; j < p->n; j++) {
        const size_t token = (size_t)rows->inputs[j * rows->block.model->input_floats];
        const int8_t *const weights = layer->integer.table + token * size;
        const int32_t multiplier = layer->integer.multiplier[token];
        int16_t *const out = q_row(rows, p->to, j);
        for (size_t i = 0; i < size; i++)
            out[i] = (int16_t)rnne_saturated(rnne_shifted(weights[i] * multiplier, 15));
    }
}

static void add_last(rnne_rows *rows, const rnne_layer *layer, const part *p)
{
    if (rnne_is_wide(layer)) {
        rnne_rows_add_readings(rows, layer, p->n);
        return;
    }
    const int32_t *const gain = layer->integer.gain;
    const int32_t *const source_gain = layer->integer.source_gain;
    for (size_t j = 0; j < p->n; j++) {
        const int32_t *const inputs = rows->inputs + j * rows->block.model->input_floats;
        int16_t *const out = q_row(rows, p->to, j);
        for (size_t i = 0; i < layer->output_size; i++) {
            const int64_t last = (int64_t)inputs[layer->sources[i]] * source_gain[i];
            const int64_t v =
                rnne_shifted(rows->z[j][i] * gain[i], 15) + rnne_shifted_wide(last, 15);
            const int64_t low = v < -RNNE_LARGEST_VALUE ? -RNNE_LARGEST_VALUE : v;
            out[i] = (int16_t)(low > RNNE_LARGEST_VALUE ? RNNE_LARGEST_VALUE : low);
        }
    }
}

/* One integer layer: from rows->z to rows->z. */
static void integer_layer(rnne_rows *rows, const rnne_layer *layer, const part *p, int is_sequence)
{
    switch (layer->kind) {
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM: cell(rows, layer, p, is_sequence); return;
    case RNNE_LINEAR: linear(rows, layer, p); break;
    case RNNE_ACTIVATION: activation(rows, layer, p); break;
    case RNNE_EMBEDDING: embedding(rows, layer, p); break;
    case RNNE_ADD_LAST: add_last(rows, layer, p); break;
    case RNNE_DIFFERENCE: rnne_rows_changes(rows, layer, p->n, q_row(rows, p->to, 0)); break;
    case RNNE_AFFINE:
    case RNNE_SOFTMAX: return;
    }
    for (size_t j = 0; j < p->n; j++)
        rows->z[j] = q_row(rows, p->to, j);
}

/* ---- float values ---- */

/* y becomes what the layer computes in float. */
static void float_layer(rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    rnne_block *const block = &rows->block;
    const rnne_model *const model = block->model;
    float *const out = rows->y == rows->real[0] ? rows->real[1] : rows->real[0];
    for (size_t j = 0; j < n; j++) {
        float *const to = out + j * model->value_floats;
        block->state = rows->states[j];
        block->x = rows->x + j * model->input_floats;
        const float *const from = rnne_block_layer(block, layer, rows->y + j * rows->y_stride, to);
        if (from != to)
            memcpy(to, from, layer->output_size * sizeof *to);
    }
    rows->y = out;
    rows->y_stride = model->value_floats;
}

static void first_values(rnne_rows *rows, size_t n)
{
    const rnne_model *const model = rows->block.model;
    rows->y = rows->x;
    rows->y_stride = model->input_floats;
    if (rnne_takes_integers(model) ||
        rnne_first_values(model, 1, rows->x, rows->real[0]) == rows->x)
        return;
    for (size_t j = 1; j < n; j++)
        rnne_first_values(model, 1, rows->x + j * model->input_floats,
                          rows->real[0] + j * model->value_floats);
    rows->y = rows->real[0];
    rows->y_stride = model->value_floats;
}

static void out_of_segment(rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    const size_t stride = rows->block.model->value_floats;
    const float *const step = layer->integer.step, *const offset = layer->integer.offset;
    if (rnne_is_wide(layer))
        rnne_rows_wide_to_float(rows, layer, n);
    for (size_t j = 0; !rnne_is_wide(layer) && j < n; j++)
        rows->block.model->q_kernels->to_float(layer->output_size, rows->z[j], step, offset,
                                               rows->real[0] + j * stride);
    rows->y = rows->real[0];
    rows->y_stride = stride;
}

void rnne_rows_step(rnne_rows *rows, size_t n, int is_sequence)
{
    const rnne_model *const model = rows->block.model;
    part p = {0, n, 1, 0};
    if (model->has_float)
        first_values(rows, n);
    for (uint32_t k = 0; k < model->info.num_layers; k++) {
        const rnne_layer *const layer = &model->layers[k];
        if (layer->role == RNNE_ROLE_FLOAT) {
            float_layer(rows, layer, n);
            continue;
        }
        if (layer->is_first) {
            p.to = 0;
            p.from = 1;
            for (size_t j = 0; j < n; j++) {
                rows->z[j] = q_row(rows, 0, j);
                if (k > 0)
                    rnne_q_convert(layer->integer.rate, layer->input_size,
                                   rows->y + j * rows->y_stride, q_row(rows, 0, j));
            }
        }
        if (layer->role == RNNE_ROLE_INTEGER) {
            p.from = p.to;
            p.to = !p.to;
            integer_layer(rows, layer, &p, is_sequence);
        }
        if (layer->is_last)
            out_of_segment(rows, layer, n);
    }
}
