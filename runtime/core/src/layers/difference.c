/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "kinds.h"
#include "pack.h"

#include "../w8a16/w8a16_arithmetic.h"

enum { LARGEST_CHANGE = 1 << 24, LARGEST_DROP = 9 };

/* Its state d: the readings of the step before, then whether there was one. */
static int describe(rnne_layer *layer)
{
    if (layer->output_size <= layer->input_size)
        return 0;
    layer->num_sources = layer->output_size - layer->input_size;
    layer->takes_readings = 1;
    layer->h_size = (size_t)layer->num_sources + 1;
    layer->h_is_wide = 1;
    layer->num_floats = 2 * (uint64_t)layer->num_sources;
    return layer->hidden_size == 0;
}

static void pack(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights)
{
    const size_t n = layer->num_sources;
    layer->low = rnne_pack_floats(arena, weights, n);
    layer->high = rnne_pack_floats(arena, weights + 4 * n, n);
    rnne_pack_sources(layer, arena);
}

static int check(const rnne_layer *layer, const uint8_t *weights, uint64_t *at)
{
    const uint64_t n = layer->num_sources;
    for (uint64_t i = 0; i < n; i++) {
        *at = 4 * i;
        if (rnne_get_f32(weights + 4 * i) > rnne_get_f32(weights + 4 * (n + i)))
            return 0;
    }
    return 1;
}

/* z, then how far the readings are from those of the step before, within low and high. */
static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t lanes = block->lanes, in = layer->input_size, n = layer->num_sources;
    float *const state = block->state + layer->h_at * lanes;
    float *const had_step = state + n * lanes;
    memcpy(out, z, in * lanes * sizeof(float));
    for (size_t i = 0; i < n; i++) {
        const float low = layer->low[i], high = layer->high[i];
        const float *const reading = block->x + layer->sources[i] * lanes;
        float *const before = state + i * lanes;
        float *const to = out + (in + i) * lanes;
        for (size_t l = 0; l < lanes; l++) {
            float v = had_step[l] == 0.0f ? 0.0f : reading[l] - before[l];
            v = v < low ? low : v;
            to[l] = rnne_flush(v > high ? high : v);
            before[l] = rnne_flush(reading[l]);
        }
    }
    for (size_t l = 0; l < lanes; l++)
        had_step[l] = 1.0f;
    return out;
}

static void tensors_q(rnne_layer *layer, rnne_tensors *t)
{
    const uint32_t n = layer->num_sources;
    layer->q.change_low = rnne_take_words(t, n, -LARGEST_CHANGE, LARGEST_CHANGE);
    layer->q.change_high = rnne_take_words(t, n, -LARGEST_CHANGE, LARGEST_CHANGE);
    rnne_check_ordered(t, n, 4);
    layer->q.drop = rnne_take_words(t, n, 0, LARGEST_DROP);
    if (t->arena)
        rnne_pack_sources(layer, t->arena);
}

static void step_q(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span)
{
    const rnne_q_layer *const w = &layer->q;
    const size_t in = layer->input_size, n = layer->num_sources;
    for (size_t j = 0; j < span->n; j++) {
        const int32_t *const inputs = rnne_input_row(rows, j);
        int32_t *const d = rnne_h_of(rows, layer, j);
        int16_t *const out = rnne_q_row(rows, span->to, j);
        memcpy(out, rows->z[j], in * sizeof *out);
        for (size_t i = 0; i < n; i++) {
            const int32_t now = inputs[layer->sources[i]];
            int32_t v = d[n] ? now - d[i] : 0;
            v = v < w->change_low[i] ? w->change_low[i] : v;
            v = v > w->change_high[i] ? w->change_high[i] : v;
            v = (v + ((1 << w->drop[i]) >> 1)) >> w->drop[i];
            out[in + i] = (int16_t)rnne_saturated(v);
            d[i] = now;
        }
        d[n] = 1;
        rows->z[j] = out;
    }
}

const rnne_kind rnne_kind_difference = {
    .letter = 'd',
    .describe = describe,
    .pack = pack,
    .check = check,
    .step = step,
    .tensors_q = tensors_q,
    .step_q = step_q,
};
