/* SPDX-License-Identifier: MIT */
/*
 * How the layers of a model are computed: in float32 or in integers, chosen when it is loaded.  The
 * rows of a step belong to different streams or are successive steps of one.
 */
#ifndef RNNE_ENGINE_H
#define RNNE_ENGINE_H

#include "../base/arena.h"
#include "../model/rows.h"

enum { RNNE_MAX_ROWS = RNNE_BLOCK };

/* Memory that a step works in.  The block is that of the rows in integers. */
typedef union rnne_work {
    rnne_block block;
    rnne_rows rows;
} rnne_work;

typedef struct rnne_engine {
    size_t lanes; /* streams of a fleet that lie side by side; rows j then belong to lanes j */

    /*
     * Takes the memory of up to num_rows rows, 1 or RNNE_MAX_ROWS; is_sequence: for steps(),
     * otherwise for step().
     */
    void (*take)(rnne_work *work, const rnne_model *model, size_t num_rows, int is_sequence,
                 rnne_arena *arena);

    /* Fills row j, after those before it, with readings x [I] of a stream that has this state. */
    void (*accept)(rnne_work *work, size_t j, float *state, const float *x);

    /* One step of n rows; y and y_stride of the block then say where the outputs are. */
    void (*step)(rnne_work *work, size_t n);
    void (*steps)(rnne_work *work, size_t n);
} rnne_engine;

extern const rnne_engine rnne_f32_engine, rnne_graph_engine, rnne_w8a16_engine;
extern const rnne_engine rnne_graph_q_engine;

/* ---- f32_engine.c, for the other engines ---- */

/* Fills row j of a block (rnne_engine.accept). */
void rnne_block_accept(rnne_block *block, size_t j, float *state, const float *x);

/* Zeros in the lanes of the model input from n on. */
void rnne_block_clear(rnne_block *block, size_t n);

/* Takes the memory of all but the state. */
void rnne_block_take(rnne_block *block, const rnne_model *model, size_t num_rows, int is_sequence,
                     rnne_arena *arena);

/* The values that the first layer takes: x itself, or x flushed into out. */
const float *rnne_first_values(const rnne_model *model, size_t lanes, const float *x, float *out);

#endif
