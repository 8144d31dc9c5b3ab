/* SPDX-License-Identifier: MIT */
/*
 * rnnedge: streams a recurrent network one time step at a time.
 *
 * A model is loaded from the bytes of an .rnne file (docs/format.md) and never changes; any
 * number of threads may share it.  A stream is one series with its own state.  A fleet is many
 * series that are stepped together (rnnedge_fleet.h); rnnedge_q.h steps on integers.
 *
 * Memory belongs to the caller: ask for the number of bytes, give that much memory at any
 * address, and keep it where it is until the object is no longer used.  There is nothing to
 * close.  The library allocates nothing, holds no global state, calls no operating system and
 * needs <string.h> alone.  It never recurses.  Whatever the
 * model, it takes at most 2 KiB of stack in rnne_step() and 4 KiB in any other call, beside what
 * memcpy() and memset() take (gcc -O2; measured for x86-64 and aarch64 by the tests).
 *
 * The results are those of the arithmetic named in the file (docs/numerics.md): the same bytes
 * on every machine, with every instruction set, step by step or a sequence at once.
 *
 *     size_t nbytes;
 *     rnne_error error;
 *     rnne_model *model;
 *     rnne_stream *stream;
 *     if (rnne_model_nbytes(file, file_nbytes, &nbytes, &error) != RNNE_OK) ...
 *     void *mem = malloc(nbytes);
 *     if (rnne_model_init(mem, nbytes, file, file_nbytes, RNNE_ISA_AUTO, &model, &error)) ...
 *     nbytes = rnne_stream_nbytes(model);
 *     rnne_stream_init(malloc(nbytes), nbytes, model, &stream);
 *     while (read_sensors(x))
 *             rnne_step(stream, x, y);
 *
 * Shapes: F features, I = F + 2 D model inputs (D derived inputs, two columns each), O outputs,
 * S floats of state.
 */
#ifndef RNNEDGE_H
#define RNNEDGE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(RNNE_SHARED) && defined(__GNUC__)
#define RNNE_API __attribute__((visibility("default")))
#elif defined(RNNE_SHARED) && defined(_WIN32) && defined(RNNE_BUILDING)
#define RNNE_API __declspec(dllexport)
#else
#define RNNE_API
#endif

#define RNNE_VERSION "0.1.0"
#define RNNE_FORMAT_VERSION 2

/* What went wrong.  RNNE_OK is 0. */
typedef enum rnne_status {
    RNNE_OK = 0,
    RNNE_NOT_A_MODEL = 1,      /* the file does not begin like an .rnne file */
    RNNE_NEWER_VERSION = 2,    /* written for a newer version of the format */
    RNNE_TRUNCATED = 3,        /* the bytes end before what they announce */
    RNNE_BAD_CHECKSUM = 4,     /* the content was changed */
    RNNE_BAD_SECTION = 5,      /* a section is missing, repeated, out of place or of odd size */
    RNNE_UNSUPPORTED = 6,      /* unknown critical section, layer, numerics or instruction set */
    RNNE_BAD_MODEL = 7,        /* sizes that do not chain, a value out of range */
    RNNE_BAD_WEIGHTS = 8,      /* a weight is NaN, infinite or out of its range */
    RNNE_MEMORY_TOO_SMALL = 9, /* the memory given is smaller than asked for */
    RNNE_BAD_SNAPSHOT = 10,    /* not a snapshot, or one that was cut short or changed */
    RNNE_OTHER_MODEL = 11,     /* the snapshot of another model */
    RNNE_REJECTED = 12,        /* a reading is missing or not plausible, its policy `reject` */
    RNNE_BAD_INDEX = 13,       /* no such stream in the fleet, no such state tensor */
    RNNE_MISMATCH = 14,        /* self-test: an output differs from the recorded one */
    RNNE_TOO_LARGE = 15        /* the sizes do not fit this machine's address space */
} rnne_status;

/* Where it went wrong. */
typedef struct rnne_error {
    rnne_status status;
    size_t offset; /* byte in the file or snapshot; self-test: the step */
} rnne_error;

/* Instruction sets.  The results do not depend on the choice, only the speed does. */
typedef enum rnne_isa {
    RNNE_ISA_AUTO = 0,   /* the best one of this machine */
    RNNE_ISA_PLAIN = 1,  /* plain C, one value at a time; always there */
    RNNE_ISA_VECTOR = 2, /* 128-bit: SSE2, NEON, or what the compiler makes of it */
    RNNE_ISA_AVX2 = 3,
    RNNE_ISA_AVX512 = 4,
    RNNE_ISA_AVX512_VNNI = 5 /* for integers; what is float runs as with RNNE_ISA_AVX512 */
} rnne_isa;

typedef struct rnne_model rnne_model;
typedef struct rnne_stream rnne_stream;

typedef struct rnne_info {
    uint32_t num_features; /* F */
    uint32_t num_derived;  /* D */
    uint32_t input_size;   /* I = F + 2 D */
    uint32_t output_size;  /* O */
    uint32_t num_layers;
    uint32_t num_tensors; /* state tensors: h_k, c_k, d_k, m_k, w_k of the layers, then `held` */
    size_t state_size;    /* S: floats of all state tensors, without padding */
    uint8_t digest[32];   /* identifies the model: SHA-256 of spec, weights and numerics */
    char numerics[17];    /* name of the arithmetic, ends with 0 */
    rnne_isa isa;         /* what the model runs on */
} rnne_info;

/* ---- model ---------------------------------------------------------------------------- */

/*
 * rnne_model_nbytes() checks the structure of a file and gives the size of the memory that
 * rnne_model_init() needs for it.
 *
 * file: the whole content of an .rnne file, at any address; it may be hostile.
 * error: filled in when the status is not RNNE_OK; may be NULL.
 *
 * The checksum and the values of the weights are left to rnne_model_init().
 */
RNNE_API rnne_status rnne_model_nbytes(const void *file, size_t file_nbytes, size_t *nbytes,
                                       rnne_error *error);

/*
 * rnne_model_init() loads a model into mem.
 *
 * file: as above.  It is checked again in full, checksum included, and is not needed once this
 *       returns: weights are copied into the layout of the inner loops.
 * isa: RNNE_ISA_AUTO, or one instruction set by name; RNNE_UNSUPPORTED where this machine or
 *      build lacks it.
 *
 * On failure *model is NULL and nothing outside mem was written.
 */
RNNE_API rnne_status rnne_model_init(void *mem, size_t mem_nbytes, const void *file,
                                     size_t file_nbytes, rnne_isa isa, rnne_model **model,
                                     rnne_error *error);

/* rnne_model_info() describes a model. */
RNNE_API void rnne_model_info(const rnne_model *model, rnne_info *info);

/*
 * rnne_time_features() computes the derived inputs of a time.
 *
 * unix_time_s: seconds since 1970-01-01 UTC, of any sign.
 * out: 2 D floats, sine and cosine of each derived input: the tail of x, out = x + F.
 */
RNNE_API void rnne_time_features(const rnne_model *model, int64_t unix_time_s, float *out);

/*
 * rnne_self_test() steps the recorded inputs of a file on a fresh stream and compares every
 * output with the recorded one, bit by bit.
 *
 * file: the file the model was loaded from.
 * mem: at least rnne_stream_nbytes(model) bytes, used during the call only; no stream may live
 *      in it.
 *
 * Returns RNNE_MISMATCH with the step in error->offset when an output differs,
 * RNNE_BAD_SECTION when the file records nothing or does not fit the model.
 */
RNNE_API rnne_status rnne_self_test(const rnne_model *model, const void *file, size_t file_nbytes,
                                    void *mem, size_t mem_nbytes, rnne_error *error);

/* ---- stream --------------------------------------------------------------------------- */

/* rnne_stream_nbytes() gives the size of the memory that one stream needs. */
RNNE_API size_t rnne_stream_nbytes(const rnne_model *model);

/*
 * rnne_stream_init() makes a stream in the initial state.
 *
 * model: has to outlive the stream.
 *
 * Returns RNNE_MEMORY_TOO_SMALL when mem is.
 */
RNNE_API rnne_status rnne_stream_init(void *mem, size_t mem_nbytes, const rnne_model *model,
                                      rnne_stream **stream);

/* rnne_reset() sets the stream back to the initial state. */
RNNE_API void rnne_reset(rnne_stream *stream);

/*
 * rnne_step() advances a stream by one time step.
 *
 * x: I floats in physical units, F features and then the derived inputs.  A feature that is NaN,
 *    infinite or outside its range of plausible readings, where the model has one, is missing:
 *    the last accepted value takes its place, before the first one the value in the model.  Where
 *    the model says `predict`, what the step before forecast takes its place.  Where it says
 *    `reject`, the call returns RNNE_REJECTED and has changed neither state nor y.
 * y: O floats, written in full.  y may be x.
 *
 * Nothing else can go wrong.  The call does not allocate, lock or branch on the data beyond
 * that, and touches only stream, x and y.  Two threads may step two streams of one model at
 * once, never the same stream.
 */
RNNE_API rnne_status rnne_step(rnne_stream *stream, const float *x, float *y);

/*
 * rnne_run() advances a stream by many steps, with the bytes of as many calls of rnne_step().
 *
 * x: [num_steps][I], oldest first.  y: [num_steps][O]; y may not overlap x.
 * scratch: memory used during the call only, best of rnne_run_scratch_nbytes(model) bytes: the
 *          products with the inputs of many steps are then computed at once.  With NULL or less
 *          memory it steps one by one.
 *
 * Returns RNNE_REJECTED, with nothing changed, when a reading of any step is rejected.
 */
RNNE_API rnne_status rnne_run(rnne_stream *stream, const float *x, size_t num_steps, float *y,
                              void *scratch, size_t scratch_nbytes);
RNNE_API size_t rnne_run_scratch_nbytes(const rnne_model *model);

/* rnne_num_steps() counts the steps since the initial state; snapshots keep the count. */
RNNE_API uint64_t rnne_num_steps(const rnne_stream *stream);

/*
 * rnne_num_unknown_tokens() counts the token ids that were out of the range of the embedding
 * and therefore read as index 0, since init; reset and snapshots leave the count alone.
 */
RNNE_API uint64_t rnne_num_unknown_tokens(const rnne_stream *stream);

/* ---- state ---------------------------------------------------------------------------- */

/*
 * rnne_state_nbytes() gives the size of a snapshot; rnne_state_get() writes one,
 * rnne_state_set() continues from one.
 *
 * A snapshot (docs/format.md) is the same bytes in every implementation of rnnedge: it can be
 * taken here and restored in Python, and the other way round.  One that rnne_state_set()
 * refuses leaves the stream as it was.
 */
RNNE_API size_t rnne_state_nbytes(const rnne_model *model);
RNNE_API rnne_status rnne_state_get(const rnne_stream *stream, void *snapshot, size_t nbytes);
RNNE_API rnne_status rnne_state_set(rnne_stream *stream, const void *snapshot, size_t nbytes,
                                    rnne_error *error);

/*
 * rnne_values_get() and rnne_values_set() copy the bare state: S floats, the tensors of the
 * model in order, each in C order without padding, the F held readings last.  Setting flushes
 * tiny values of the other tensors to zero, as every step does; the integers of `w8a16.v1` stand
 * as value * 2^-bits, and setting rounds to them and limits them (docs/numerics.md).
 */
RNNE_API void rnne_values_get(const rnne_stream *stream, float *values);
RNNE_API void rnne_values_set(rnne_stream *stream, const float *values, uint64_t num_steps);

/*
 * rnne_state_entry() describes state tensor k, k < num_tensors; rnne_state_find() the one of a
 * name: "h_0", "c_0", ... of the layers that carry something, counted from 0, "d_0" of a
 * difference, "held".  It is `size` floats from float `at` on, in what rnne_values_get() copies:
 * to set one tensor, write it there between rnne_values_get() and rnne_values_set().
 * Returns RNNE_BAD_INDEX, with *tensor as it was, when there is none.
 */
typedef struct rnne_tensor {
    char name[16]; /* ends with 0 */
    size_t at, size;
} rnne_tensor;
RNNE_API rnne_status rnne_state_entry(const rnne_model *model, uint32_t k, rnne_tensor *tensor);
RNNE_API rnne_status rnne_state_find(const rnne_model *model, const char *name,
                                     rnne_tensor *tensor);

/* ---- text ----------------------------------------------------------------------------- */

/* rnne_status_text() says in a few English words what a status means. */
RNNE_API const char *rnne_status_text(rnne_status status);

/* rnne_isa_text() gives the name of an instruction set. */
RNNE_API const char *rnne_isa_text(rnne_isa isa);

#ifdef __cplusplus
}
#endif

/* Many series at once, and steps on integers. */
#include "rnnedge_fleet.h"
#include "rnnedge_q.h"

#endif
