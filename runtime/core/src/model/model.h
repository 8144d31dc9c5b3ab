/* SPDX-License-Identifier: MIT */
/* What a model and a stream are made of. */
#ifndef RNNE_MODEL_H
#define RNNE_MODEL_H

#include "rnnedge.h"

#include "../f32/f32_kernels.h"
#include "../w8a16/w8a16_kernels.h"

typedef enum rnne_kind {
    RNNE_AFFINE = 1,
    RNNE_EMBEDDING = 2,
    RNNE_RNN = 3,
    RNNE_GRU = 4,
    RNNE_LSTM = 5,
    RNNE_LINEAR = 6,
    RNNE_ACTIVATION = 7,
    RNNE_SOFTMAX = 8,
    RNNE_ADD_LAST = 9,
    RNNE_DIFFERENCE = 10
} rnne_kind;

typedef struct rnne_feature {
    uint32_t rejects; /* 1: a missing reading is refused, 0: the last one is held */
    float low, high;
    float initial;        /* the held value before the first reading */
    uint32_t least, span; /* keys (bytes.h) of plausible readings: the lowest, and how many more */
} rnne_feature;

typedef struct rnne_range {
    float low, high;
} rnne_range;

typedef struct rnne_derived {
    uint32_t period_s;
    int64_t offset_s;
} rnne_derived;

/* How a layer of `w8a16.v1` is computed (docs/numerics.md, "Segments"). */
typedef enum rnne_role {
    RNNE_ROLE_NONE = 0, /* the model is of `f32.v1` */
    RNNE_ROLE_INTEGER = 1,
    RNNE_ROLE_FLOAT = 2,
    RNNE_ROLE_FOLDED = 3 /* into the conversion before or behind it */
} rnne_role;

typedef struct rnne_q_layer {
    /* linear: W.  rnn, gru: W_ih, W_hh.  lstm: W_ih, W_hh, with projection W_hr. */
    rnne_q_matrix matrix[3];
    const int8_t *table;        /* embedding [rows][N] */
    const int32_t *multiplier;  /* embedding [rows] */
    const int32_t *gain;        /* activation [1]; add_last [N] */
    const int32_t *source_gain; /* add_last [N]; of readings before the clip a whole number */
    const int32_t *change_low, *change_high, *drop; /* difference [n] */
    int hidden_bits, cell_bits;
    const float *rate;          /* [I], where a segment begins behind a float layer */
    const float *step, *offset; /* [N], where a segment ends */
} rnne_q_layer;

typedef struct rnne_layer {
    rnne_kind kind;
    uint32_t variant;
    uint32_t input_size, output_size, hidden_size;
    rnne_role role;
    int is_kept;                    /* in float, by name */
    int is_first, is_last;          /* layer of an integer segment */
    int is_input;                   /* the first of the model, and integer or folded */
    int holds_readings;             /* as in rnne_model */
    const uint8_t *sources_in_file; /* add_last, difference: while loading */
    size_t readings_at;             /* what is added to them: where what they name begins */

    const float *shift, *scale; /* affine [N] */
    const float *table;         /* embedding [rows][N] */
    const float *low, *high;    /* difference [n] */
    const uint32_t *sources;    /* add_last [O], difference [n]: places in rnne_block.x */

    /*
     * linear: W.  rnn: [W_ih W_hh].  gru: [W_ih W_hh] of r and u, W_in, W_hn.
     * lstm: [W_ih W_hh], with projection W_hr.
     */
    rnne_matrix matrix[3];
    rnne_q_layer integer;
    size_t h_at, c_at; /* of h (or d) and c in the state, in floats of one stream */
} rnne_layer;

struct rnne_model {
    rnne_info info;
    const rnne_kernels *kernels;
    const rnne_feature *features; /* [F] */
    const rnne_derived *derived;  /* [D] */
    const rnne_layer *layers;     /* [L] */

    const rnne_q_kernels *q_kernels; /* of a model of `w8a16.v1`, otherwise NULL */
    rnne_q_inputs inputs;            /* where the first layer is integer or folded */
    int has_float;                   /* a layer of `w8a16.v1` is computed in float */
    int has_ranges;                  /* a reading can be not plausible */
    int holds_readings; /* they are held as int32, and clipped to int16 for the network */
    size_t sum_ints;    /* the sums of the widest integer layer */
    size_t byte_count;  /* what its products work in */

    /* In floats of one stream, each a multiple of 16: */
    size_t state_floats; /* all state tensors, padded; the held readings last */
    size_t held_at;      /* of the held readings in the state */
    size_t input_floats; /* the model input, and behind it the readings where it has them */
    size_t readings_at;  /* of the readings before the clip; 0 where no layer takes them */
    size_t value_floats; /* the widest value between two layers */
    size_t gate_floats;  /* the gates of the widest cell, and what lies behind them */
};

/* The next multiple of 16. */
static inline size_t rnne_padded(size_t size)
{
    return (size + RNNE_PANEL_STEP - 1) / RNNE_PANEL_STEP * RNNE_PANEL_STEP;
}

/* Whether the first layer takes integers. */
static inline int rnne_takes_integers(const rnne_model *model)
{
    return model->layers[0].is_input;
}

static inline int rnne_is_recurrent(const rnne_layer *layer)
{
    return layer->kind == RNNE_RNN || layer->kind == RNNE_GRU || layer->kind == RNNE_LSTM;
}

static inline int rnne_has_state(const rnne_layer *layer)
{
    return rnne_is_recurrent(layer) || layer->kind == RNNE_DIFFERENCE;
}

/* Inputs that a layer names; the changes that a difference appends. */
static inline uint32_t rnne_num_sources(const rnne_layer *layer)
{
    if (layer->kind == RNNE_DIFFERENCE)
        return layer->output_size - layer->input_size;
    return layer->kind == RNNE_ADD_LAST ? layer->output_size : 0;
}

/* Whether the inputs it names are those before the clip. */
static inline int rnne_takes_readings(const rnne_layer *layer)
{
    return layer->kind == RNNE_DIFFERENCE || (layer->kind == RNNE_ADD_LAST && layer->variant);
}

/* Whether its outputs are int32. */
static inline int rnne_is_wide(const rnne_layer *layer)
{
    return layer->kind == RNNE_ADD_LAST && layer->variant && layer->holds_readings &&
           layer->role == RNNE_ROLE_INTEGER;
}

/* Floats of h or d. */
static inline uint32_t rnne_first_state_size(const rnne_layer *layer)
{
    return layer->kind == RNNE_DIFFERENCE ? rnne_num_sources(layer) + 1 : layer->output_size;
}

#endif
