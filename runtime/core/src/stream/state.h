/* SPDX-License-Identifier: MIT */
/* One stream in a state of `lanes` lanes. */
#ifndef RNNE_STATE_H
#define RNNE_STATE_H

#include "../model/model.h"

typedef struct rnne_lane {
    const rnne_model *model;
    float *state; /* of the stream's first value */
    size_t lanes;
    uint64_t *num_steps;
} rnne_lane;

void rnne_lane_reset(rnne_lane lane);
void rnne_lane_get(rnne_lane lane, float *values);
void rnne_lane_set(rnne_lane lane, const float *values, uint64_t num_steps);
rnne_status rnne_lane_snapshot(rnne_lane lane, void *snapshot, size_t nbytes);
rnne_status rnne_lane_restore(rnne_lane lane, const void *snapshot, size_t nbytes,
                              rnne_error *error);

#endif
