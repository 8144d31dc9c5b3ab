/* SPDX-License-Identifier: MIT */
#ifndef RNNE_STREAM_H
#define RNNE_STREAM_H

#include "block.h"

struct rnne_stream {
    rnne_block block; /* of one lane */
    uint64_t num_steps;
};

#endif
