/* SPDX-License-Identifier: MIT */
/* Which layers of `w8a16.v1` are integer (docs/numerics.md, "Segments"). */
#ifndef RNNE_SEGMENTS_H
#define RNNE_SEGMENTS_H

#include "../model/model.h"

/* A place between two layers. */
typedef struct rnne_cursor {
    size_t at;     /* in the section */
    uint32_t size; /* values that the layer before gives, or I */
    int is_start, is_after_integer;
    int is_after_changes; /* behind a first layer that is an integer difference */
} rnne_cursor;

/*
 * Sets is_first, is_last and is_input of a layer of `w8a16.v1`, and checks that its part is the
 * one that docs/numerics.md gives it.
 *
 * before: the place before it.
 * has_float: whether any layer before it is in float.
 * next: what follows it in MODL, [nbytes].
 */
int rnne_has_right_role(rnne_layer *layer, const rnne_cursor *before, int has_float,
                        const uint8_t *next, size_t nbytes);

#endif
