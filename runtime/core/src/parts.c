/* SPDX-License-Identifier: MIT */
/* Which layers of `w8a16.v1` are integer (docs/numerics.md, "Segments"). */
#include "bytes.h"
#include "layout.h"

enum { PART_AT = 8, PART_BITS = 3, KEPT_BIT = 1 << 10, LAYER_NBYTES = 20 };

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
    if (nbytes < LAYER_NBYTES)
        return next;
    const uint32_t variant = rnne_get_u32(bytes + 4);
    next.kind = rnne_get_u32(bytes);
    next.is_kept = (variant & KEPT_BIT) != 0;
    next.is_float = (variant >> PART_AT & PART_BITS) == RNNE_PART_FLOAT;
    if (next.kind == RNNE_AFFINE && (variant & 0xff) == 0 && !next.is_kept &&
        nbytes >= 2 * LAYER_NBYTES)
        next.is_scaler = is_product(rnne_get_u32(bytes + LAYER_NBYTES)) &&
                         !(rnne_get_u32(bytes + LAYER_NBYTES + 4) & KEPT_BIT);
    return next;
}

/* RNNE_PART_NONE: it has no integer form and is not kept. */
static rnne_part right_part(const rnne_layer *layer, const rnne_cursor *before, int has_float,
                            next_layer next)
{
    const int is_end = next.kind == 0 || next.is_kept;
    if (layer->is_kept)
        return RNNE_PART_FLOAT;
    switch (layer->kind) {
    case RNNE_EMBEDDING:
    case RNNE_RNN:
    case RNNE_GRU:
    case RNNE_LSTM:
    case RNNE_LINEAR:
    case RNNE_ACTIVATION: return RNNE_PART_INTEGER;
    case RNNE_AFFINE:
        if (before->is_start) {
            const int is_folded = layer->variant == 0 && is_product(next.kind) && !is_end;
            return is_folded ? RNNE_PART_FOLDED : RNNE_PART_FLOAT;
        }
        if (!before->is_after_integer)
            return RNNE_PART_FLOAT;
        if (before->is_after_changes)
            return RNNE_PART_FOLDED;
        return is_end || next.kind == RNNE_ADD_LAST ? RNNE_PART_FOLDED : RNNE_PART_NONE;
    case RNNE_ADD_LAST:
        if (!before->is_after_integer || has_float)
            return RNNE_PART_FLOAT;
        return is_end ? RNNE_PART_INTEGER : RNNE_PART_NONE;
    case RNNE_DIFFERENCE:
        if (before->is_start)
            return next.is_scaler || (is_product(next.kind) && !is_end) ? RNNE_PART_INTEGER
                                                                        : RNNE_PART_FLOAT;
        return before->is_after_integer ? RNNE_PART_NONE : RNNE_PART_FLOAT;
    case RNNE_SOFTMAX: break;
    }
    return RNNE_PART_NONE;
}

int rnne_has_right_part(rnne_layer *layer, const rnne_cursor *before, int has_float,
                        const uint8_t *bytes, size_t nbytes)
{
    const next_layer next = read_next(bytes, nbytes);
    const int is_float = layer->part == RNNE_PART_FLOAT;
    layer->is_first = !is_float && !before->is_after_integer;
    layer->is_last = !is_float && (next.kind == 0 || next.is_float);
    layer->is_input = layer->is_first && before->is_start;
    return layer->part != RNNE_PART_NONE &&
           layer->part == right_part(layer, before, has_float, next);
}
