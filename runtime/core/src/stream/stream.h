/* SPDX-License-Identifier: MIT */
#ifndef RNNE_STREAM_H
#define RNNE_STREAM_H

#include "f32_engine.h"
#include "w8a16_engine.h"

struct rnne_stream {
    rnne_block block; /* of one lane; in `w8a16.v1` its model and state alone */
    rnne_rows rows;   /* of `w8a16.v1`: one row */
    uint64_t num_steps;
};

/* A step with x [I], of which nothing is rejected; y [O] stays until the next one. */
const float *rnne_stream_advance(rnne_stream *stream, const float *x);

#endif
