/* SPDX-License-Identifier: MIT */
/* Which layers of `w8a16.v1` are integer (docs/numerics.md, "Segments"). */
#include "segments.h"

#include "../base/bytes.h"
#include "read_layer.h"

/* As much of the layer behind as decides; kind 0: there is none. */
typedef struct next_layer {
    uint32_t kind;
    int is_kept, is_float;
    int is_scaler; /* an affine that is not inverse, which the product behind it takes in */
} next_layer;

static int is_product(uint32_t kind)
{
    return kind >= RNNE_RNN && kind <= RNNE_LINEAR;
}

static next_layer read_next(const uint8_t *bytes, size_t nbytes)
{
    next_layer next = {0, 0, 0, 0};
    if (nbytes < RNNE_LAYER_NBYTES)
        return next;
    const uint32_t variant = rnne_get_u32(bytes + 4);
    next.kind = rnne_get_u32(bytes);
    next.is_kept = (variant & RNNE_KEPT_BIT) != 0;
    next.is_float = (variant >> RNNE_ROLE_AT & RNNE_ROLE_BITS) == RNNE_ROLE_FLOAT;
    if (next.kind == RNNE_AFFINE && (variant & 0xff) == 0 && !next.is_kept &&
        nbytes >= 2 * RNNE_LAYER_NBYTES)
        next.is_scaler = is_product(rnne_get_u32(bytes + RNNE_LAYER_NBYTES)) &&
                         !(rnne_get_u32(bytes + RNNE_LAYER_NBYTES + 4) & RNNE_KEPT_BIT);
    return next;
}

/* RNNE_ROLE_NONE: it has no integer form and is not kept. */
static rnne_role right_role(const rnne_layer *layer, const rnne_cursor *before, int has_float,
                            next_layer next)
{
    const int is_end = next.kind == 0 || next.is_kept;
    if (layer->is_kept)
        return RNNE_ROLE_FLOAT;
    switch (layer->kind) {
    case RNNE_EMBEDDING:
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM:
    case RNNE_LINEAR:
    case RNNE_ACTIVATION: return RNNE_ROLE_INTEGER;
    case RNNE_AFFINE:
        if (before->is_start) {
            const int is_folded = layer->variant == 0 && is_product(next.kind) && !is_end;
            return is_folded ? RNNE_ROLE_FOLDED : RNNE_ROLE_FLOAT;
        }
        if (!before->is_after_integer)
            return RNNE_ROLE_FLOAT;
        if (before->is_after_changes)
            return RNNE_ROLE_FOLDED;
        return is_end || next.kind == RNNE_ADD_LAST ? RNNE_ROLE_FOLDED : RNNE_ROLE_NONE;
    case RNNE_ADD_LAST:
        if (!before->is_after_integer || has_float)
            return RNNE_ROLE_FLOAT;
        return is_end ? RNNE_ROLE_INTEGER : RNNE_ROLE_NONE;
    case RNNE_DIFFERENCE:
        if (before->is_start)
            return next.is_scaler || (is_product(next.kind) && !is_end) ? RNNE_ROLE_INTEGER
                                                                        : RNNE_ROLE_FLOAT;
        return before->is_after_integer ? RNNE_ROLE_NONE : RNNE_ROLE_FLOAT;
    case RNNE_SOFTMAX: break;
    }
    return RNNE_ROLE_NONE;
}

int rnne_has_right_role(rnne_layer *layer, const rnne_cursor *before, int has_float,
                        const uint8_t *bytes, size_t nbytes)
{
    const next_layer next = read_next(bytes, nbytes);
    const int is_float = layer->role == RNNE_ROLE_FLOAT;
    layer->is_first = !is_float && !before->is_after_integer;
    layer->is_last = !is_float && (next.kind == 0 || next.is_float);
    layer->is_input = layer->is_first && before->is_start;
    return layer->role != RNNE_ROLE_NONE &&
           layer->role == right_role(layer, before, has_float, next);
}
