/* SPDX-License-Identifier: MIT */
/* Layers of n rows that take readings before the clip. */
#ifndef RNNE_W8A16_READINGS_H
#define RNNE_W8A16_READINGS_H

#include "../model/rows.h"

/*
 * An add_last that is not clipped, from rows->z to rows->wide: in whole units of the output, so that
 * it is exact however far the reading is.
 */
void rnne_rows_add_readings(const rnne_rows *rows, const rnne_layer *layer, size_t n);

/*
 * A difference, from rows->z to `out`, rows of q.  Its state d: the readings of the step before,
 * then whether there was one.
 */
void rnne_rows_changes(const rnne_rows *rows, const rnne_layer *layer, size_t n, int16_t *out);

/* real[0] = flush(wide * step + offset) */
void rnne_rows_wide_to_float(const rnne_rows *rows, const rnne_layer *layer, size_t n);

#endif
