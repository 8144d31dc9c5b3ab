/* SPDX-License-Identifier: MIT */
/* One row for each kind of layer, in its file: what is not the same for all. */
#ifndef RNNE_KINDS_H
#define RNNE_KINDS_H

#include "../model/rows.h"
#include "w8a16_tensors.h"

/* In the order of their numbers in MODL, from 1 on. */
/* clang-format off */
#define RNNE_KINDS(M) \
    M(affine) M(embedding) M(rnn) M(gru) M(lstm) M(linear) \
    M(activation) M(softmax) M(add_last) M(difference) M(combine) M(concat) \
    M(select) M(memory) M(window) M(norm) M(sum) M(depthwise) \
    M(constant) M(lru)
/* clang-format on */

/* The variants of a combine, in the order of `OPERATIONS` of docs/format.md. */
enum {
    RNNE_COMBINE_ADD,
    RNNE_COMBINE_SUBTRACT,
    RNNE_COMBINE_MULTIPLY,
    RNNE_COMBINE_DIVIDE,
    RNNE_COMBINE_MINIMUM,
    RNNE_COMBINE_MAXIMUM
};

/* What a layer reads. */
typedef enum rnne_reading {
    RNNE_READS_ONE,
    RNNE_READS_PAIR,
    RNNE_READS_MANY,
    RNNE_READS_STEP, /* one, and with variant 1 the length of the step */
    RNNE_READS_NONE
} rnne_reading;

/* Which layers of a graph in integers are float because others are. */
typedef enum rnne_spread {
    RNNE_FLOAT_ALONE,
    RNNE_FLOAT_WITH_READS,     /* where all that it reads is, the model input too */
    RNNE_FLOAT_WITH_NEIGHBOURS /* likewise, or where all that reads it is, or nothing does */
} rnne_spread;

/* How a layer of a graph in integers may come to carry 9 more bits. */
typedef enum rnne_widening {
    RNNE_NEVER_WIDE,
    RNNE_WIDE_SUM,   /* as the sum that a memory takes, which is a part of it */
    RNNE_WIDE_FACTOR /* as what makes the memory such a part */
} rnne_widening;

typedef struct rnne_kind {
    int is_graph;                        /* it came with version 2 of the file */
    uint32_t max_variant, graph_variant; /* the last in version 1, and if it is higher in 2 */
    rnne_reading reading;
    char letter;      /* of its state's name; 0: h */
    int holds_output; /* its output is its h */
    int num_inputs;   /* matrices over its input, 0 to num_inputs - 1; none: it has no product */
    int takes_raw;    /* as first layer it takes readings as they are, not flushed */
    int takes_token;  /* of a graph in integers: what it reads is float */
    rnne_spread spread;
    rnne_widening (*widening)(const rnne_layer *layer); /* NULL: never */

    /* Fills in what follows from sizes and variant; 0: they do not fit. */
    int (*describe)(rnne_layer *layer);

    /* Whether its words (rnne_word()) fit; they are num_words.  NULL: it has none. */
    int (*check_words)(rnne_layer *layer);

    /*
     * Takes the memory of float weights; where the arena has memory, fills it from `weights`, the
     * bytes of the layer in WGTS.  NULL: it has none.
     */
    void (*pack)(rnne_layer *layer, rnne_arena *arena, const uint8_t *weights);

    /* Whether float weights are valid beyond being finite; else where, in bytes.  NULL: always. */
    int (*check)(const rnne_layer *layer, const uint8_t *weights, uint64_t *at);

    /*
     * One step of all lanes from z to `out` or, where the layer has an h, into that.  Returns where its
     * output is.  Kernels of one lane read whole vectors of z.
     */
    const float *(*step)(rnne_block *block, const rnne_layer *layer, const float *z, float *out);

    /* The tensors in integers, in the order of the file.  NULL: the layer stays in float. */
    void (*tensors_q)(rnne_layer *layer, rnne_tensors *tensors);

    /* One step of the rows of a span, from rows->z to rows->z. */
    void (*step_q)(rnne_rows *rows, const rnne_layer *layer, const rnne_span *span);

    /*
     * The same in a graph, of row j into `out`; NULL: as above.  Of add_last and difference, which
     * name model inputs, nothing is in integers there.
     */
    void (*tensors_g)(rnne_layer *layer, rnne_tensors *tensors);
    void (*step_g)(rnne_rows *rows, const rnne_layer *layer, size_t j, int16_t *out);

    /* Of a cell, whose step_q is rnne_rows_cell(): the new states, from sums 0 with the input. */
    void (*update_q)(const rnne_rows *rows, const rnne_layer *layer, const rnne_span *span);
} rnne_kind;

#define RNNE_KIND_DECLARED(name) extern const rnne_kind rnne_kind_##name;
RNNE_KINDS(RNNE_KIND_DECLARED)

/* check_words of a layer whose words, if any, are the start of all its state. */
static inline int rnne_words_are_start(rnne_layer *layer)
{
    layer->num_start = layer->num_words;
    return layer->num_words == 0 || layer->num_words == layer->h_size + layer->c_size;
}

#endif
