/* SPDX-License-Identifier: MIT */
/*
 * Many series of one model, each with its own state, that are stepped together.  Memory, threads
 * and results are as rnnedge.h says; it includes this file.
 */
#ifndef RNNEDGE_FLEET_H
#define RNNEDGE_FLEET_H

#include "rnnedge.h"

#ifdef __cplusplus
extern "C" {
#endif

/* How a fleet computes. */
typedef enum rnne_numerics {
    RNNE_EXACT = 0, /* the bytes of single steps */
    RNNE_FAST = 1   /* may fuse multiplications with additions: faster, within a tolerance */
} rnne_numerics;

typedef struct rnne_fleet rnne_fleet;

/* rnne_fleet_nbytes() gives the memory of num_streams streams; 0 when it exceeds size_t. */
RNNE_API size_t rnne_fleet_nbytes(const rnne_model *model, size_t num_streams);

/*
 * rnne_fleet_init() makes num_streams streams in the initial state.
 *
 * The weights are read once for many streams, so that a step costs much less than as many calls
 * of rnne_step().  With RNNE_EXACT it gives their bytes.
 */
RNNE_API rnne_status rnne_fleet_init(void *mem, size_t mem_nbytes, const rnne_model *model,
                                     size_t num_streams, rnne_numerics numerics,
                                     rnne_fleet **fleet);

/*
 * rnne_fleet_step() advances streams of a fleet by one step each.
 *
 * index: [num_rows] distinct numbers of streams; NULL for the streams 0 .. num_rows - 1.
 * x: [num_rows][I], y: [num_rows][O]; row j belongs to stream index[j].  y may not overlap x.
 *
 * Returns RNNE_BAD_INDEX or RNNE_REJECTED with nothing changed.  A number that appears twice
 * leaves that stream in the state of either row.
 */
RNNE_API rnne_status rnne_fleet_step(rnne_fleet *fleet, const uint32_t *index, size_t num_rows,
                                     const float *x, float *y);

/* The state of one stream of a fleet, as for a stream; i < num_streams. */
RNNE_API void rnne_fleet_reset(rnne_fleet *fleet, size_t i);
RNNE_API uint64_t rnne_fleet_num_steps(const rnne_fleet *fleet, size_t i);
RNNE_API void rnne_fleet_values_get(const rnne_fleet *fleet, size_t i, float *values);
RNNE_API void rnne_fleet_values_set(rnne_fleet *fleet, size_t i, const float *values,
                                    uint64_t num_steps);
RNNE_API rnne_status rnne_fleet_state_get(const rnne_fleet *fleet, size_t i, void *snapshot,
                                          size_t nbytes);
RNNE_API rnne_status rnne_fleet_state_set(rnne_fleet *fleet, size_t i, const void *snapshot,
                                          size_t nbytes, rnne_error *error);

#ifdef __cplusplus
}
#endif

#endif
