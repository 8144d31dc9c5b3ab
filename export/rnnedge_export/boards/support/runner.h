/* SPDX-License-Identifier: MIT */
/* A generated model as the runner sees it.  models.c, written for each image, holds
 *
 *     MODEL(boiler, BOILER)
 *     const struct model models[] = {MODEL_ENTRY(boiler, BOILER)};
 */
#ifndef RNNEDGE_RUNNER_H
#define RNNEDGE_RUNNER_H

#include <stddef.h>
#include <stdint.h>

#define RUN_ROWS 8 /* rows of one call of run() */

struct model {
    size_t input_size, output_size, snapshot_nbytes;
    void (*reset)(void);
    void (*step)(const float *x, float *y);
    void (*run)(const float *x, size_t n, float *y);
    void (*save)(unsigned char *to);
    int (*restore)(const unsigned char *from, size_t nbytes);
    int (*selftest)(void);
    void (*time)(int64_t t, float *to);
    void (*step_q)(const float *x, float *y); /* by integers; NULL without them */
};

extern const struct model models[];
extern const uint32_t num_models;

/* Room for RUN_ROWS rows of the largest model, for a snapshot of any. */
extern float rows_in[], rows_out[];
extern unsigned char snapshot[];

#define MODEL(name, NAME)                                                                         \
    static name##_state name##_of_runner;                                                         \
    static void name##_r_reset(void)                                                              \
    {                                                                                             \
        name##_reset(&name##_of_runner);                                                          \
    }                                                                                             \
    static void name##_r_step(const float *x, float *y)                                           \
    {                                                                                             \
        (void)name##_step(&name##_of_runner, x, y);                                               \
    }                                                                                             \
    static void name##_r_run(const float *x, size_t n, float *y)                                  \
    {                                                                                             \
        (void)name##_run(&name##_of_runner, x, n, y);                                             \
    }                                                                                             \
    static void name##_r_save(unsigned char *to)                                                  \
    {                                                                                             \
        (void)name##_save(&name##_of_runner, to);                                                 \
    }                                                                                             \
    static int name##_r_restore(const unsigned char *from, size_t nbytes)                         \
    {                                                                                             \
        return (int)name##_restore(&name##_of_runner, from, nbytes);                              \
    }                                                                                             \
    static int name##_r_selftest(void)                                                            \
    {                                                                                             \
        return (int)name##_selftest();                                                            \
    }                                                                                             \
    static void name##_r_time(int64_t t, float *to)                                               \
    {                                                                                             \
        name##_time(t, to);                                                                       \
    }

/* A model with integers, whose step on them has to be its step on floats. */
#define MODEL_Q(name, NAME) MODEL_INTEGERS(name, NAME, int16_t)
#define MODEL_Q32(name, NAME) MODEL_INTEGERS(name, NAME, int32_t)
#define MODEL_INTEGERS(name, NAME, integer)                                                       \
    MODEL(name, NAME)                                                                             \
    static void name##_r_step_q(const float *x, float *y)                                         \
    {                                                                                             \
        static integer in[NAME##_INPUT_SIZE], out[NAME##_OUTPUT_SIZE];                            \
        name##_quantise(x, in);                                                                   \
        (void)name##_step_q(&name##_of_runner, in, out);                                          \
        name##_dequantise(out, y);                                                                \
    }

#define MODEL_CALLS(name, NAME)                                                                   \
    NAME##_INPUT_SIZE, NAME##_OUTPUT_SIZE, NAME##_SNAPSHOT_NBYTES, name##_r_reset, name##_r_step, \
        name##_r_run, name##_r_save, name##_r_restore, name##_r_selftest, name##_r_time

#define MODEL_ENTRY(name, NAME)                                                                   \
    {                                                                                             \
        MODEL_CALLS(name, NAME), NULL                                                             \
    }
#define MODEL_Q32_ENTRY(name, NAME) MODEL_Q_ENTRY(name, NAME)
#define MODEL_Q_ENTRY(name, NAME)                                                                 \
    {                                                                                             \
        MODEL_CALLS(name, NAME), name##_r_step_q                                                  \
    }

#endif
