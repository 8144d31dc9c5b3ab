/* SPDX-License-Identifier: MIT */
/* Which layers of `w8a16.v1` are integer (docs/numerics.md, "Segments"). */
#include "segments.h"

#include "../base/bytes.h"
#include "../layers/kinds.h"
#include "read_layer.h"

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
    if (nbytes < RNNE_LAYER_NBYTES)
        return next;
    const uint32_t variant = rnne_get_u32(bytes + 4);
    next.kind = rnne_kind_of(rnne_get_u32(bytes));
    next.is_kept = (variant & RNNE_KEPT_BIT) != 0;
    next.is_float = (variant >> RNNE_ROLE_AT & RNNE_ROLE_BITS) == RNNE_ROLE_FLOAT;
    if (next.kind == &rnne_kind_affine && (variant & 0xff) == 0 && !next.is_kept &&
        nbytes >= 2 * RNNE_LAYER_NBYTES)
        next.is_scaler = is_product(rnne_kind_of(rnne_get_u32(bytes + RNNE_LAYER_NBYTES))) &&
                         !(rnne_get_u32(bytes + RNNE_LAYER_NBYTES + 4) & RNNE_KEPT_BIT);
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

int rnne_has_right_role(rnne_layer *layer, const rnne_cursor *before, int has_float,
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
