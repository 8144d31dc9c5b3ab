/* SPDX-License-Identifier: MIT */
#ifndef RNNE_STREAM_H
#define RNNE_STREAM_H

#include "engine.h"

struct rnne_stream {
    const rnne_model *model;
    float *state;
    uint64_t num_steps;
    rnne_work work; /* of one row */
};

/* A step with x [I], of which nothing is rejected; y [O] stays until the next one. */
const float *rnne_stream_advance(rnne_stream *stream, const float *x);

#endif
