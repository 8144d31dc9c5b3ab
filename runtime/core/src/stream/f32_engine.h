/* SPDX-License-Identifier: MIT */
#ifndef RNNE_F32_ENGINE_H
#define RNNE_F32_ENGINE_H

#include "../base/arena.h"
#include "../model/block.h"

/* Takes the memory of all but the state. */
void rnne_block_take(rnne_block *block, const rnne_model *model, size_t lanes, rnne_arena *arena);

/* Where n_in and n_rec, or m, lie behind the gates of a layer, in floats of one lane. */
size_t rnne_gates_end(const rnne_layer *layer);

/* The values that the first layer takes: x itself, or x flushed into out. */
const float *rnne_first_values(const rnne_model *model, size_t lanes, const float *x, float *out);

/*
 * One layer from z to `out` or, where it has a state, into that; returns where its output is.  The
 * kernels of a block of one lane read whole vectors of z.
 */
const float *rnne_block_layer(rnne_block *block, const rnne_layer *layer, const float *z,
                              float *out);

/*
 * One step of all lanes from block->x.  Returns y [O][lanes], which stays until the next step.
 */
const float *rnne_block_step(rnne_block *block);

#endif
