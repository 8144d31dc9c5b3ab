/* SPDX-License-Identifier: MIT */
#ifndef RNNE_W8A16_ENGINE_H
#define RNNE_W8A16_ENGINE_H

#include "../base/arena.h"
#include "../model/rows.h"

/* Takes the memory of up to `capacity` rows. */
void rnne_rows_take(rnne_rows *rows, const rnne_model *model, size_t capacity, rnne_arena *arena);

/* One step of each row.  is_sequence: all have the same state, and follow one another. */
void rnne_rows_step(rnne_rows *rows, size_t n, int is_sequence);

#endif
