/* SPDX-License-Identifier: MIT */
/* The layers without a product, in plain C: their size is that of inputs and outputs. */
#include "../base/guard.h"

#include "stateless.h"

#include "../base/bytes.h"

static void affine(const rnne_layer *layer, const rnne_values *values)
{
    const size_t lanes = values->lanes;
    for (size_t i = 0; i < layer->input_size; i++) {
        const float shift = layer->shift[i], scale = layer->scale[i];
        const float *const z = values->z + i * lanes;
        float *const out = values->out + i * lanes;
        for (size_t l = 0; l < lanes; l++)
            out[l] = rnne_flush(layer->variant ? z[l] * scale + shift : (z[l] - shift) * scale);
    }
}

/* Row of the table for each lane; out of range and NaN give row 0. */
static void embedding(const rnne_layer *layer, const rnne_values *values,
                      uint64_t *num_unknown_tokens)
{
    const size_t lanes = values->lanes, size = layer->output_size;
    for (size_t l = 0; l < lanes; l++) {
        const float id = values->z[l];
        const int is_known = id >= 0.0f && id < (float)layer->hidden_size;
        const size_t row = is_known ? (size_t)id : 0;
        *num_unknown_tokens += !is_known;
        for (size_t i = 0; i < size; i++)
            values->out[i * lanes + l] = layer->table[row * size + i];
    }
}

static void add_last(const rnne_layer *layer, const rnne_values *values)
{
    const size_t lanes = values->lanes;
    for (size_t i = 0; i < layer->output_size; i++) {
        const float *const x = values->x + layer->sources[i] * lanes;
        for (size_t l = 0; l < lanes; l++)
            values->out[i * lanes + l] = rnne_flush(values->z[i * lanes + l] + x[l]);
    }
}

/* z, then how far the readings are from those of the step before, within low and high. */
static void difference(const rnne_layer *layer, const rnne_values *values)
{
    const size_t lanes = values->lanes, in = layer->input_size, n = layer->output_size - in;
    float *const state = values->state + layer->h_at * lanes;
    float *const had_step = state + n * lanes;
    memcpy(values->out, values->z, in * lanes * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        const float low = layer->low[i], high = layer->high[i];
        const float *const reading = values->x + layer->sources[i] * lanes;
        float *const before = state + i * lanes;
        float *const out = values->out + (in + i) * lanes;
        for (size_t l = 0; l < lanes; l++) {
            float v = had_step[l] == 0.0f ? 0.0f : reading[l] - before[l];
            v = v < low ? low : v;
            out[l] = rnne_flush(v > high ? high : v);
            before[l] = rnne_flush(reading[l]);
        }
    }
    for (size_t l = 0; l < lanes; l++)
        had_step[l] = 1.0f;
}

static void softmax(const rnne_layer *layer, const rnne_kernels *kernels,
                    const rnne_values *values)
{
    const size_t lanes = values->lanes, size = layer->input_size;
    const float *const z = values->z;
    float *const out = values->out;
    float largest[RNNE_BLOCK], total[RNNE_BLOCK];
    memcpy(largest, z, lanes * sizeof(float));
    for (size_t i = 1; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            largest[l] = z[i * lanes + l] > largest[l] ? z[i * lanes + l] : largest[l];
    for (size_t i = 0; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = z[i * lanes + l] - largest[l];
    kernels->activate(RNNE_EXP, size * lanes, out, out);
    memcpy(total, out, lanes * sizeof(float));
    for (size_t i = 1; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            total[l] += out[i * lanes + l];
    for (size_t i = 0; i < size; i++)
        for (size_t l = 0; l < lanes; l++)
            out[i * lanes + l] = rnne_flush(out[i * lanes + l] / total[l]);
}

void rnne_stateless(const rnne_layer *layer, const rnne_kernels *kernels,
                    const rnne_values *values, uint64_t *num_unknown_tokens)
{
    switch (layer->kind) {
    case RNNE_AFFINE: affine(layer, values); break;
    case RNNE_EMBEDDING: embedding(layer, values, num_unknown_tokens); break;
    case RNNE_ACTIVATION:
        kernels->activate((rnne_function)layer->variant, layer->input_size * values->lanes,
                          values->z, values->out);
        break;
    case RNNE_SOFTMAX: softmax(layer, kernels, values); break;
    case RNNE_ADD_LAST: add_last(layer, values); break;
    case RNNE_DIFFERENCE: difference(layer, values); break;
    case RNNE_LINEAR:
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM: break; /* products: block.c, run.c */
    }
}
