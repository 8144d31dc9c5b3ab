/* SPDX-License-Identifier: MIT */
/*
 * Loops that Python is too slow for: reading memory, and stepping without a call from Python.
 * Built by benchmarks/study.py for this machine alone (-march=native).
 */
#define _POSIX_C_SOURCE 199309L
#include "rnnedge.h"

#include <stdlib.h>
#include <time.h>

enum { LANES = 16, REGISTERS = 8 };
typedef float vector __attribute__((vector_size(LANES * sizeof(float)), aligned(64)));

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Seconds to read nbytes `repeats` times: the best a stream of weights can do. */
double read_seconds(size_t nbytes, size_t repeats)
{
    const size_t step = LANES * REGISTERS;
    const size_t size = (nbytes / sizeof(float) + step - 1) / step * step;
    float *values = aligned_alloc(64, size * sizeof(float));
    if (!values)
        return -1.0;
    for (size_t k = 0; k < size; k++)
        values[k] = 1.0f;
    vector sums[REGISTERS] = {{0}};
    double started = 0;
    for (size_t pass = 0; pass <= repeats; pass++) {
        if (pass == 1) /* the first pass warms up */
            started = now();
        for (size_t k = 0; k < size; k += step)
            for (size_t r = 0; r < REGISTERS; r++)
                sums[r] += *(const vector *)(values + k + r * LANES);
        __asm__ volatile("" : : "r"(values) : "memory");
    }
    const double elapsed = now() - started;
    volatile float keep = 0;
    for (size_t r = 0; r < REGISTERS; r++)
        keep += sums[r][0];
    free(values);
    return elapsed;
}

/* Seconds of num_steps calls of rnne_step(), the inputs changing; negative on failure. */
double step_seconds(const void *file, size_t nbytes, size_t num_steps)
{
    size_t model_nbytes;
    rnne_model *model;
    rnne_stream *stream;
    rnne_info info;
    if (rnne_model_nbytes(file, nbytes, &model_nbytes, NULL) != RNNE_OK)
        return -1.0;
    void *model_memory = malloc(model_nbytes);
    if (rnne_model_init(model_memory, model_nbytes, file, nbytes, RNNE_ISA_AUTO, &model, NULL) !=
        RNNE_OK)
        return -1.0;
    rnne_model_info(model, &info);
    const size_t stream_nbytes = rnne_stream_nbytes(model);
    void *stream_memory = malloc(stream_nbytes);
    rnne_stream_init(stream_memory, stream_nbytes, model, &stream);
    float *x = calloc(info.input_size, sizeof(float));
    float *y = calloc(info.output_size, sizeof(float));
    double started = 0;
    for (size_t t = 0; t < num_steps + 10; t++) {
        if (t == 10)
            started = now();
        x[0] = (float)(t % 16) * 0.125f - 1.0f;
        rnne_step(stream, x, y);
    }
    const double elapsed = now() - started;
    free(x);
    free(y);
    free(stream_memory);
    free(model_memory);
    return elapsed;
}
