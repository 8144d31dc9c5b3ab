/* SPDX-License-Identifier: MIT */
#include "../base/guard.h"

#include "../layers/kinds.h"

static int describe(rnne_layer *layer)
{
    return layer->output_size == layer->input_size && layer->hidden_size == 0;
}

#define EACH_OF(value)                                                                            \
    for (size_t i = 0; i < n; i++) {                                                              \
        const float x = a[i], y = b[i];                                                           \
        out[i] = rnne_flush(value);                                                               \
    }                                                                                             \
    break

/* In the order of `OPERATIONS` of docs/format.md. */
static const float *step(rnne_block *block, const rnne_layer *layer, const float *z, float *out)
{
    const size_t n = layer->output_size * block->lanes;
    const float *const a = z, *const b = rnne_block_read(block, layer, 1);
    switch (layer->variant) {
    case 0: EACH_OF(x + y);
    case 1: EACH_OF(x - y);
    case 2: EACH_OF(x * y);
    case 3: EACH_OF(x / y);
    case 4: EACH_OF(y < x ? y : x);
    default: EACH_OF(x < y ? y : x);
    }
    return out;
}

const rnne_kind rnne_kind_combine = {
    .is_graph = 1, .max_variant = 5, .reading = RNNE_READS_PAIR,
    .describe = describe, .step = step,
};
