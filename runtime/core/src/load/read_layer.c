/* SPDX-License-Identifier: MIT */
#include "read_layer.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

enum { SOURCE_NBYTES = 4, MAX_SIZE = 1 << 24 };

/* The sources of a layer, from *at, which moves behind them. */
static rnne_status read_sources(const rnne_section *model, size_t *at, uint32_t model_input_size,
                                rnne_layer *layer, rnne_error *error)
{
    if ((model->nbytes - *at) / SOURCE_NBYTES < layer->num_sources)
        return rnne_fail(error, RNNE_TRUNCATED, model->offset + *at);
    layer->sources_in_file = model->bytes + *at;
    layer->readings_at = layer->takes_readings ? rnne_padded(model_input_size) : 0;
    for (uint32_t i = 0; i < layer->num_sources; i++, *at += SOURCE_NBYTES)
        if (rnne_get_u32(model->bytes + *at) >= model_input_size)
            return rnne_fail(error, RNNE_BAD_MODEL, model->offset + *at);
    return RNNE_OK;
}

static int has_fitting_sizes(rnne_layer *layer)
{
    const uint32_t in = layer->input_size, out = layer->output_size, hidden = layer->hidden_size;
    return in >= 1 && in <= MAX_SIZE && out >= 1 && out <= MAX_SIZE && hidden <= MAX_SIZE &&
           layer->kind->describe(layer);
}

rnne_status rnne_layer_read(const rnne_section *model, const rnne_layout *layout, size_t *at,
                            uint32_t size, rnne_layer *layer, rnne_error *error)
{
    const uint32_t model_input_size = layout->num_features + 2 * layout->num_derived;
    const size_t start = model->offset + *at;
    if (model->nbytes - *at < RNNE_LAYER_NBYTES)
        return rnne_fail(error, RNNE_TRUNCATED, start);
    const uint8_t *const fields = model->bytes + *at;
    memset(layer, 0, sizeof *layer);
    layer->kind = rnne_kind_of(rnne_get_u32(fields));
    if (!layer->kind)
        return rnne_fail(error, RNNE_UNSUPPORTED, start);
    layer->variant = rnne_get_u32(fields + 4);
    if (layout->is_integer) {
        layer->role = (rnne_role)(layer->variant >> RNNE_ROLE_AT & RNNE_ROLE_BITS);
        layer->is_kept = (layer->variant & RNNE_KEPT_BIT) != 0;
        layer->variant &= ~(uint32_t)(RNNE_ROLE_BITS << RNNE_ROLE_AT | RNNE_KEPT_BIT);
    }
    layer->input_size = rnne_get_u32(fields + 8);
    layer->output_size = rnne_get_u32(fields + 12);
    layer->hidden_size = rnne_get_u32(fields + 16);
    if (layer->variant > layer->kind->max_variant)
        return rnne_fail(error, RNNE_UNSUPPORTED, start + 4);
    if (!has_fitting_sizes(layer) || layer->input_size != size)
        return rnne_fail(error, RNNE_BAD_MODEL, start + 8);
    *at += RNNE_LAYER_NBYTES;
    return read_sources(model, at, model_input_size, layer, error);
}
