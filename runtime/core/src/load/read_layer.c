/* SPDX-License-Identifier: MIT */
/*
 * A layer in section MODL, and whether it is integer in `w8a16.v1` (docs/numerics.md, "Segments").
 */
#include "layout.h"

#include "graph.h"
#include "graph_q.h"

#include "../base/bytes.h"
#include "../base/status.h"
#include "../layers/kinds.h"

/* Fields of a layer, and bits of its variant in `w8a16.v1`. */
enum { LAYER_NBYTES = 20, ROLE_AT = 8, ROLE_BITS = 3, KEPT_BIT = 1 << 10 };

enum { SOURCE_NBYTES = 4, MAX_SIZE = 1 << 24 };

#define POINTER(name) &rnne_kind_##name,

/* The kind of a number in MODL, or NULL. */
static const rnne_kind *kind_of(uint32_t number)
{
    static const rnne_kind *const kinds[] = {RNNE_KINDS(POINTER)};
    return number >= 1 && number <= sizeof kinds / sizeof kinds[0] ? kinds[number - 1] : NULL;
}

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
    const uint32_t least = layer->kind->reading != RNNE_READS_NONE;
    return in >= least && in <= least * MAX_SIZE && out >= 1 && out <= MAX_SIZE && hidden <= MAX_SIZE &&
           layer->kind->describe(layer);
}

static uint32_t last_variant(const rnne_layer *layer)
{
    const rnne_kind *const kind = layer->kind;
    const int is_more = layer->is_graph && kind->graph_variant > kind->max_variant;
    return is_more ? kind->graph_variant : kind->max_variant;
}

static rnne_status read_layer(const rnne_section *model, const rnne_layout *layout,
                              const rnne_cursor *cursor, size_t *at, rnne_layer *layer,
                              rnne_error *error)
{
    const uint32_t model_input_size = layout->num_features + 2 * layout->num_derived;
    const size_t start = model->offset + *at;
    if (model->nbytes - *at < LAYER_NBYTES)
        return rnne_fail(error, RNNE_TRUNCATED, start);
    const uint8_t *const fields = model->bytes + *at;
    memset(layer, 0, sizeof *layer);
    layer->kind = kind_of(rnne_get_u32(fields));
    layer->is_graph = layout->is_graph;
    if (!layer->kind || layer->kind->is_graph > layout->is_graph)
        return rnne_fail(error, RNNE_UNSUPPORTED, start);
    layer->variant = rnne_get_u32(fields + 4);
    if (layout->is_integer) {
        layer->role = (rnne_role)(layer->variant >> ROLE_AT & ROLE_BITS);
        layer->is_kept = (layer->variant & KEPT_BIT) != 0;
        layer->variant &= ~(uint32_t)(ROLE_BITS << ROLE_AT | KEPT_BIT);
    }
    layer->input_size = rnne_get_u32(fields + 8);
    layer->output_size = rnne_get_u32(fields + 12);
    layer->hidden_size = rnne_get_u32(fields + 16);
    if (layer->variant > last_variant(layer))
        return rnne_fail(error, RNNE_UNSUPPORTED, start + 4);
    if (!has_fitting_sizes(layer) ||
        (!layout->is_graph && layer->input_size != cursor->size))
        return rnne_fail(error, RNNE_BAD_MODEL, start + 8);
    *at += LAYER_NBYTES;
    const rnne_status status = read_sources(model, at, model_input_size, layer, error);
    if (status != RNNE_OK || !layout->is_graph)
        return status;
    return rnne_graph_read(model, layout, cursor->k, at, layer, error);
}

/* As much of the layer behind as decides; kind NULL: there is none. */
typedef struct next_layer {
    const rnne_kind *kind;
    int is_kept, is_float;
    int is_scaler; /* an affine that is not inverse, which the product behind it takes in */
} next_layer;

static int is_product(const rnne_kind *kind)
{
    return kind && kind->num_inputs;
}

static next_layer read_next(const uint8_t *bytes, size_t nbytes)
{
    next_layer next = {NULL, 0, 0, 0};
    if (nbytes < LAYER_NBYTES)
        return next;
    const uint32_t variant = rnne_get_u32(bytes + 4);
    next.kind = kind_of(rnne_get_u32(bytes));
    next.is_kept = (variant & KEPT_BIT) != 0;
    next.is_float = (variant >> ROLE_AT & ROLE_BITS) == RNNE_ROLE_FLOAT;
    if (next.kind == &rnne_kind_affine && (variant & 0xff) == 0 && !next.is_kept &&
        nbytes >= 2 * LAYER_NBYTES)
        next.is_scaler = is_product(kind_of(rnne_get_u32(bytes + LAYER_NBYTES))) &&
                         !(rnne_get_u32(bytes + LAYER_NBYTES + 4) & KEPT_BIT);
    return next;
}

/* RNNE_ROLE_NONE: it has no integer form and is not kept. */
static rnne_role right_role(const rnne_layer *layer, const rnne_cursor *before, int has_float,
                            next_layer next)
{
    const int is_end = !next.kind || next.is_kept;
    if (layer->is_kept)
        return RNNE_ROLE_FLOAT;
    if (layer->kind == &rnne_kind_affine) {
        if (before->is_start) {
            const int is_folded = layer->variant == 0 && is_product(next.kind) && !is_end;
            return is_folded ? RNNE_ROLE_FOLDED : RNNE_ROLE_FLOAT;
        }
        if (!before->is_after_integer)
            return RNNE_ROLE_FLOAT;
        if (before->is_after_changes)
            return RNNE_ROLE_FOLDED;
        return is_end || next.kind == &rnne_kind_add_last ? RNNE_ROLE_FOLDED : RNNE_ROLE_NONE;
    }
    if (layer->kind == &rnne_kind_add_last) {
        if (!before->is_after_integer || has_float)
            return RNNE_ROLE_FLOAT;
        return is_end ? RNNE_ROLE_INTEGER : RNNE_ROLE_NONE;
    }
    if (layer->kind == &rnne_kind_difference) {
        if (before->is_start)
            return next.is_scaler || (is_product(next.kind) && !is_end) ? RNNE_ROLE_INTEGER
                                                                        : RNNE_ROLE_FLOAT;
        return before->is_after_integer ? RNNE_ROLE_NONE : RNNE_ROLE_FLOAT;
    }
    return layer->kind->step_q ? RNNE_ROLE_INTEGER : RNNE_ROLE_NONE;
}

static int has_right_role(rnne_layer *layer, const rnne_cursor *before, int has_float,
                          const uint8_t *bytes, size_t nbytes)
{
    const next_layer next = read_next(bytes, nbytes);
    const int is_float = layer->role == RNNE_ROLE_FLOAT;
    layer->is_first = !is_float && !before->is_after_integer;
    layer->is_last = !is_float && (!next.kind || next.is_float);
    layer->is_input = layer->is_first && before->is_start;
    return layer->role != RNNE_ROLE_NONE &&
           layer->role == right_role(layer, before, has_float, next);
}

rnne_cursor rnne_layout_start(const rnne_layout *layout)
{
    const rnne_cursor cursor = {layout->layers_at, 0,
                                layout->num_features + 2 * layout->num_derived, 1, 0, 0};
    return cursor;
}

rnne_status rnne_layout_layer(const rnne_section *model, const rnne_layout *layout,
                              rnne_cursor *cursor, rnne_layer *layer, rnne_error *error)
{
    const size_t start = model->offset + cursor->at;
    const rnne_status status = read_layer(model, layout, cursor, &cursor->at, layer, error);
    if (status != RNNE_OK)
        return status;
    if (layer->kind == &rnne_kind_embedding && !cursor->is_start && !layout->is_graph)
        return rnne_fail(error, RNNE_BAD_MODEL, start);
    if (layout->is_integer && !layout->is_graph &&
        !has_right_role(layer, cursor, layout->has_float, model->bytes + cursor->at,
                        model->nbytes - cursor->at))
        return rnne_fail(error, RNNE_BAD_MODEL, start + 4);
    if (layout->is_integer && layout->is_graph) {
        if (!rnne_graph_has_role(layer))
            return rnne_fail(error, RNNE_BAD_MODEL, start + 4);
        rnne_graph_apply(layout, cursor->k, layer);
    }
    layer->holds_readings = layout->holds_readings;
    cursor->size = layer->output_size;
    cursor->k++;
    cursor->is_after_changes = cursor->is_start && layer->kind == &rnne_kind_difference;
    cursor->is_start = 0;
    cursor->is_after_integer = layer->role != RNNE_ROLE_FLOAT;
    return RNNE_OK;
}
