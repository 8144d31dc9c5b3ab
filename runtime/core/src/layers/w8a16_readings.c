/* SPDX-License-Identifier: MIT */
/* Integer layers that take readings before the clip (docs/numerics.md, "Integer layers"). */
#include "../base/guard.h"

#include "w8a16_readings.h"

#include "../base/bytes.h"
#include "../w8a16/w8a16_arithmetic.h"

void rnne_rows_add_readings(const rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    const rnne_model *const model = rows->block.model;
    const int32_t *const gain = layer->integer.gain;
    const int32_t *const multiple = layer->integer.source_gain;
    for (size_t j = 0; j < n; j++) {
        const int32_t *const inputs = rows->inputs + j * model->input_floats;
        int32_t *const out = rows->wide + j * model->value_floats;
        for (size_t i = 0; i < layer->output_size; i++)
            out[i] = inputs[layer->sources[i]] * multiple[i] +
                     (int32_t)rnne_shifted_wide((int64_t)rows->z[j][i] * gain[i], 15);
    }
}

void rnne_rows_changes(const rnne_rows *rows, const rnne_layer *layer, size_t n, int16_t *out)
{
    const rnne_model *const model = rows->block.model;
    const rnne_q_layer *const w = &layer->integer;
    const size_t in = layer->input_size, num = layer->output_size - in;
    for (size_t j = 0; j < n; j++, out += rnne_q_padded(model->value_floats)) {
        const int32_t *const inputs = rows->inputs + j * model->input_floats;
        int32_t *const d = (int32_t *)(void *)(rows->states[j] + layer->h_at);
        memcpy(out, rows->z[j], in * sizeof *out);
        for (size_t i = 0; i < num; i++) {
            const int32_t now = inputs[layer->sources[i]];
            int32_t v = d[num] ? now - d[i] : 0;
            v = v < w->change_low[i] ? w->change_low[i] : v;
            v = v > w->change_high[i] ? w->change_high[i] : v;
            v = (v + ((1 << w->drop[i]) >> 1)) >> w->drop[i];
            out[in + i] = (int16_t)rnne_saturated(v);
            d[i] = now;
        }
        d[num] = 1;
    }
}

void rnne_rows_wide_to_float(const rnne_rows *rows, const rnne_layer *layer, size_t n)
{
    const size_t stride = rows->block.model->value_floats;
    const float *const step = layer->integer.step, *const offset = layer->integer.offset;
    for (size_t j = 0; j < n; j++)
        for (size_t i = 0; i < layer->output_size; i++)
            rows->real[0][j * stride + i] =
                rnne_flush((float)rows->wide[j * stride + i] * step[i] + offset[i]);
}
