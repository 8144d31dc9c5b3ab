/* SPDX-License-Identifier: MIT */
/* What a model and a stream are made of. */
#ifndef RNNE_MODEL_H
#define RNNE_MODEL_H

#include "kernels.h"
#include "rnnedge.h"

typedef enum rnne_kind {
    RNNE_AFFINE = 1,
    RNNE_EMBEDDING = 2,
    RNNE_RNN = 3,
    RNNE_GRU = 4,
    RNNE_LSTM = 5,
    RNNE_LINEAR = 6,
    RNNE_ACTIVATION = 7,
    RNNE_SOFTMAX = 8,
    RNNE_ADD_LAST = 9
} rnne_kind;

typedef struct rnne_feature {
    uint32_t rejects; /* 1: a missing reading is refused, 0: the last one is held */
    float low, high;
    float initial; /* the held value before the first reading */
} rnne_feature;

typedef struct rnne_derived {
    uint32_t period_s;
    int64_t offset_s;
} rnne_derived;

typedef struct rnne_layer {
    rnne_kind kind;
    uint32_t variant;
    uint32_t input_size, output_size, hidden_size;
    const uint8_t *sources_in_file; /* add_last, while loading */

    /* affine: shift [N], scale [N]; embedding: table [rows][N] */
    const float *first, *second;
    const uint32_t *sources; /* add_last [O] */

    /*
     * linear: W.  rnn: [W_ih W_hh].  gru: [W_ih W_hh] of r and u, W_in, W_hn.
     * lstm: [W_ih W_hh], with projection W_hr.
     */
    rnne_matrix matrix[3];
    size_t h_at, c_at; /* of h and c in the state, in floats of one stream */
} rnne_layer;

struct rnne_model {
    rnne_info info;
    const rnne_kernels *kernels;
    const rnne_feature *features; /* [F] */
    const rnne_derived *derived;  /* [D] */
    const rnne_layer *layers;     /* [L] */

    /* In floats of one stream, each a multiple of 16: */
    size_t state_floats; /* all state tensors, padded; the held readings last */
    size_t held_at;      /* of the held readings in the state */
    size_t input_floats; /* the model input */
    size_t value_floats; /* the widest value between two layers */
    size_t gate_floats;  /* the gates of the widest cell, and what lies behind them */
};

/* The next multiple of 16. */
static inline size_t rnne_padded(size_t size)
{
    return (size + RNNE_PANEL_STEP - 1) / RNNE_PANEL_STEP * RNNE_PANEL_STEP;
}

static inline int rnne_is_recurrent(const rnne_layer *layer)
{
    return layer->kind == RNNE_RNN || layer->kind == RNNE_GRU || layer->kind == RNNE_LSTM;
}

#endif
