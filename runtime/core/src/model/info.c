/* SPDX-License-Identifier: MIT */
#include <string.h>

#include "model.h"

void rnne_model_info(const rnne_model *model, rnne_info *info)
{
    *info = model->info;
}

rnne_status rnne_scales_q(const rnne_model *model, float *x_step, float *x_shift, float *y_step,
                          float *y_shift)
{
    const size_t x_nbytes = model->info.input_size * sizeof(float);
    const size_t y_nbytes = model->info.output_size * sizeof(float);
    const rnne_layer *const last = &model->layers[model->info.num_layers - 1];
    if (!rnne_takes_integers(model) || model->has_float)
        return RNNE_UNSUPPORTED;
    if (x_step)
        memcpy(x_step, model->inputs.step, x_nbytes);
    if (x_shift)
        memcpy(x_shift, model->inputs.shift, x_nbytes);
    if (y_step)
        memcpy(y_step, last->q.step, y_nbytes);
    if (y_shift)
        memcpy(y_shift, last->q.offset, y_nbytes);
    return RNNE_OK;
}
