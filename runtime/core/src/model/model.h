/* SPDX-License-Identifier: MIT */
/* What a model and a stream are made of. */
#ifndef RNNE_MODEL_H
#define RNNE_MODEL_H

#include "rnnedge.h"

#include "../base/bytes.h"
#include "../f32/f32_kernels.h"
#include "../w8a16/w8a16_kernels.h"

/* What becomes of a missing reading: the number in a file. */
typedef enum rnne_policy {
    RNNE_HOLD = 0,    /* the last one takes its place */
    RNNE_REJECT = 1,  /* it is refused */
    RNNE_PREDICT = 2, /* what the step before forecast takes its place */
    RNNE_NUM_POLICIES
} rnne_policy;

typedef struct rnne_feature {
    uint32_t rejects;
    float low, high;
    float initial;        /* the held value before the first reading */
    uint32_t least, span; /* keys (bytes.h) of plausible readings: the lowest, and how many more */
} rnne_feature;

typedef struct rnne_range {
    float low, high;
} rnne_range;

/* A feature that holds an output from one step to the next, within its range. */
typedef struct rnne_fill {
    uint32_t feature, output;
    rnne_range range;
} rnne_fill;

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

/* The tensors of a layer in integers, of `w8a16.v1`. */
typedef struct rnne_q_layer {
    rnne_q_matrix matrix[3];    /* linear: W.  Cells: W_ih, W_hh, and what layers/<cell>.c says */
    const int8_t *table;        /* embedding [rows][N] */
    const int32_t *multiplier;  /* embedding [rows] */
    const int32_t *gain;        /* activation [1]; add_last [N] */
    const int32_t *source_gain; /* add_last [N]; of readings before the clip a whole number */
    const int32_t *change_low, *change_high, *drop; /* difference [n] */
    int hidden_bits, cell_bits;                     /* fraction bits of h and c */
    const float *rate;          /* [I], where a segment begins behind a float layer */
    const float *step, *offset; /* [N], where a segment ends */

    /* Of a graph; gain, rate and step, too, are of the values that it reads or gives: */
    const int32_t *gain_1, *bias; /* combine; affine, log [N] */
    const int16_t *values;        /* of a function [257], constant [N] */
    const float *shift;           /* [N] of a float value that integer layers read */
    int places, out_places, norm_bits;
    int32_t out_gain;
    int64_t eps;
} rnne_q_layer;

/* Layers of a graph by when a run can compute them (docs/numerics.md, "Graphs"). */
typedef enum rnne_part {
    RNNE_PART_BEFORE = 0, /* all steps at once */
    RNNE_PART_LOOP = 1,   /* what a memory goes round: step by step */
    RNNE_PART_BEHIND = 2  /* all steps at once, when the loop is done */
} rnne_part;

typedef struct rnne_layer {
    const struct rnne_kind *kind; /* layers/kinds.h */
    uint32_t variant;
    uint32_t input_size, output_size, hidden_size;
    rnne_role role;
    int is_kept;                    /* in float, by name */
    int is_first, is_last;          /* layer of an integer segment */
    int is_input;                   /* the first of the model, and integer or folded */
    int holds_readings;             /* as in rnne_model */
    const uint8_t *sources_in_file; /* add_last, difference: while loading */

    /* Of a graph, version 2 of the file: */
    int is_graph;
    uint32_t num_reads, num_words;
    const uint8_t *reads_in_file, *words_in_file; /* while loading */
    const int32_t *reads;                         /* [num_reads] layers, -1 the model input */
    const uint32_t *words;                        /* [num_words], of floats the bits */
    size_t value_at;        /* of its output among the values, in floats of one stream */
    int is_wide;            /* in integers it is carried with 9 more bits */
    uint32_t num_converted; /* model inputs whose conversion stands before its tensors */
    rnne_part part;
    uint8_t turn;      /* number of the layer that is computed as this layer's number */
    uint8_t root;      /* the value that its own is a part of, or itself */
    uint8_t last;      /* turn of the last layer that needs its value */
    uint8_t is_slice;  /* its value is a part of what it reads, which is not copied */
    uint32_t place;    /* of the memory that its value is in: floats of one stream or row */
    uint32_t offset;   /* of its value in that memory */
    uint32_t row_size; /* floats from one row of a run to the next */

    size_t readings_at; /* what is added to them: where what they name begins */

    /* What follows from the above, set by kind->describe(): */
    uint32_t num_sources;  /* inputs that it names */
    uint32_t num_start;    /* the last words, which its state starts with; else zeros */
    int has_next;          /* its state becomes what layer `words[0]` gives */
    int takes_readings;    /* these are the ones before the clip */
    uint32_t num_gates;    /* of a cell */
    size_t h_size, c_size; /* floats of h (or d) and c */
    int h_is_wide;         /* in integers it is int32 */
    uint64_t num_floats;   /* of weights, in WGTS */
    uint64_t num_sums;     /* of the products with its input, of one step */
    uint64_t gate_floats;  /* that it works in, of one step */

    const float *shift, *scale; /* affine [N] */
    const float *table;         /* embedding [rows][N] */
    const float *low, *high;    /* difference [n] */
    const uint32_t *sources;    /* add_last [O], difference [n]: places in rnne_block.x */
    rnne_matrix matrix[3];      /* linear: W.  Cells: layers/<cell>.c */
    rnne_q_layer q;
    size_t h_at, c_at; /* in the state, in floats of one stream */
} rnne_layer;

struct rnne_model {
    rnne_info info;
    const rnne_kernels *kernels;
    const rnne_feature *features; /* [F] */
    const rnne_derived *derived;  /* [D] */
    const rnne_fill *fills;       /* [num_fills] */
    size_t num_fills;
    const rnne_layer *layers; /* [L] */

    const struct rnne_engine *engine; /* stream/engine.h */
    const rnne_q_kernels *q_kernels;  /* of a model of `w8a16.v1` */
    rnne_q_inputs inputs;             /* where the first layer is integer or folded */
    int has_float;                    /* a layer of `w8a16.v1` is computed in float */
    int has_ranges;                   /* a reading can be not plausible */
    int holds_readings; /* they are held as int32, and clipped to int16 for the network */
    int takes_tokens;   /* the first layer is an embedding */
    int is_graph;
    uint32_t loop_at, loop_end; /* turns of the layers of a graph in the loop */
    size_t num_sums;   /* of the widest layer: of products with its input, in integers of all */
    size_t byte_count; /* what the products of the widest integer layer work in */

    /* In floats of one stream, each a multiple of 16: */
    size_t state_floats; /* all state tensors, padded; the held readings last */
    size_t held_at;      /* of the held readings in the state */
    size_t input_floats; /* the model input, and behind it the readings where it has them */
    size_t readings_at;  /* of the readings before the clip; 0 where no layer takes them */
    size_t value_floats; /* the widest value between two layers; of a graph all together */
    size_t gate_floats;  /* what the widest cell works in */
};

/* Word i of a layer of a graph, while loading: its bits, or as a float. */
static inline uint32_t rnne_word(const rnne_layer *layer, size_t i)
{
    return rnne_get_u32(layer->words_in_file + 4 * i);
}

static inline float rnne_float_word(const rnne_layer *layer, size_t i)
{
    return rnne_float_from_bits(rnne_word(layer, i));
}

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

/* Whether an integer layer adds readings before the clip: its outputs are int32. */
static inline int rnne_is_wide(const rnne_layer *layer)
{
    return layer->takes_readings && !layer->h_size && layer->holds_readings &&
           layer->role == RNNE_ROLE_INTEGER;
}

#endif
