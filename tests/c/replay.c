/* SPDX-License-Identifier: MIT */
/*
 * replay MODEL ISA MODE X Y [ftz]
 *
 * Steps a fresh stream through the float32 rows of file X and writes the outputs to file Y.
 * MODE: step; run; run:N in chunks of N steps; fleet:N, N streams fed the same rows, outputs of
 * stream 0 after a check that all N agree; fast:N the same with fused multiply-adds; index:N as
 * fleet, the streams named in reverse; snapshot: a round trip of the state before every step;
 * time: X holds int64 seconds, Y the derived inputs; test: the self-test.
 * q: X and Y hold int16, for rnne_step_q(); q32: int32, for rnne_step_q32(); time_q: Y holds int16, of rnne_time_features_q().
 * With ftz the processor treats denormals as zero (x86).
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rnnedge.h"

#if defined(__SSE__)
#include <xmmintrin.h>
#endif

static void fail(const char *what)
{
    fprintf(stderr, "replay: %s\n", what);
    exit(1);
}

static void *allocate(size_t nbytes)
{
    void *const mem = malloc(nbytes ? nbytes : 1);
    if (!mem)
        fail("out of memory");
    memset(mem, 0xa5, nbytes);
    return mem;
}

static uint8_t *read_file(const char *path, size_t *nbytes)
{
    FILE *const file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END))
        fail(path);
    *nbytes = (size_t)ftell(file);
    rewind(file);
    uint8_t *const bytes = allocate(*nbytes);
    if (fread(bytes, 1, *nbytes, file) != *nbytes)
        fail(path);
    fclose(file);
    return bytes;
}

static void check(rnne_status status, const rnne_error *error)
{
    if (status != RNNE_OK) {
        fprintf(stderr, "replay: %s, at %lu\n", rnne_status_text(status),
                (unsigned long)(error ? error->offset : 0));
        exit(1);
    }
}

static void replay_fleet(const rnne_model *model, size_t n, rnne_numerics numerics, int reversed,
                         const float *x, size_t num_steps, float *y)
{
    rnne_info info;
    rnne_fleet *fleet;
    rnne_model_info(model, &info);
    const size_t nbytes = rnne_fleet_nbytes(model, n);
    check(rnne_fleet_init(allocate(nbytes), nbytes, model, n, numerics, &fleet), NULL);
    uint32_t *const index = allocate(n * sizeof *index);
    float *const xs = allocate(n * info.input_size * sizeof *xs);
    float *const ys = allocate(n * info.output_size * sizeof *ys);
    const size_t y_nbytes = info.output_size * sizeof *ys;
    for (size_t j = 0; j < n; j++)
        index[j] = (uint32_t)(n - 1 - j);
    for (size_t t = 0; t < num_steps; t++) {
        for (size_t j = 0; j < n; j++)
            memcpy(xs + j * info.input_size, x + t * info.input_size,
                   info.input_size * sizeof *xs);
        check(rnne_fleet_step(fleet, reversed ? index : NULL, n, xs, ys), NULL);
        for (size_t j = 1; j < n; j++)
            if (memcmp(ys, ys + j * info.output_size, y_nbytes))
                fail("streams of a fleet differ");
        memcpy(y + t * info.output_size, ys, y_nbytes);
    }
}

static void replay_stream(const rnne_model *model, const char *mode, const float *x,
                          size_t num_steps, float *y)
{
    rnne_info info;
    rnne_stream *stream, *other;
    rnne_error error;
    rnne_model_info(model, &info);
    const size_t nbytes = rnne_stream_nbytes(model);
    const size_t scratch_nbytes = rnne_run_scratch_nbytes(model);
    const size_t snapshot_nbytes = rnne_state_nbytes(model);
    check(rnne_stream_init(allocate(nbytes), nbytes, model, &stream), NULL);
    check(rnne_stream_init(allocate(nbytes), nbytes, model, &other), NULL);
    void *const scratch = allocate(scratch_nbytes), *const snapshot = allocate(snapshot_nbytes);
    size_t chunk = num_steps ? num_steps : 1;
    if (strncmp(mode, "run", 3) == 0) {
        if (mode[3] == ':')
            chunk = strtoul(mode + 4, NULL, 10);
        for (size_t t = 0; t < num_steps; t += chunk) {
            const size_t left = num_steps - t;
            check(rnne_run(stream, x + t * info.input_size, left < chunk ? left : chunk,
                           y + t * info.output_size, scratch, scratch_nbytes),
                  NULL);
        }
        return;
    }
    for (size_t t = 0; t < num_steps; t++) {
        if (strcmp(mode, "snapshot") == 0) {
            check(rnne_state_get(stream, snapshot, snapshot_nbytes), NULL);
            check(rnne_state_set(other, snapshot, snapshot_nbytes, &error), &error);
            rnne_stream *const swapped = stream;
            stream = other;
            other = swapped;
        }
        check(rnne_step(stream, x + t * info.input_size, y + t * info.output_size), NULL);
    }
}

/* Rows or times, as integers.  Returns the bytes of y that are filled in. */
static size_t replay_q(const rnne_model *model, int is_time, const void *x, size_t x_nbytes,
                       int16_t *y)
{
    rnne_info info;
    rnne_stream *stream;
    rnne_model_info(model, &info);
    const size_t nbytes = rnne_stream_nbytes(model), width = 2 * info.num_derived;
    check(rnne_stream_init(allocate(nbytes), nbytes, model, &stream), NULL);
    if (is_time) {
        const int64_t *const times = x;
        for (size_t t = 0; t < x_nbytes / sizeof *times; t++)
            check(rnne_time_features_q(model, times[t], y + t * width), NULL);
        return x_nbytes / sizeof *times * width * sizeof *y;
    }
    const int16_t *const rows = x;
    const size_t num_steps = x_nbytes / sizeof *rows / info.input_size;
    for (size_t t = 0; t < num_steps; t++)
        check(rnne_step_q(stream, rows + t * info.input_size, y + t * info.output_size), NULL);
    return num_steps * info.output_size * sizeof *y;
}

static size_t replay_q32(const rnne_model *model, const int32_t *rows, size_t x_nbytes, int32_t *y)
{
    rnne_info info;
    rnne_model_info(model, &info);
    rnne_stream *stream;
    const size_t nbytes = rnne_stream_nbytes(model);
    const size_t num_steps = x_nbytes / sizeof *rows / info.input_size;
    check(rnne_stream_init(allocate(nbytes), nbytes, model, &stream), NULL);
    for (size_t t = 0; t < num_steps; t++)
        check(rnne_step_q32(stream, rows + t * info.input_size, y + t * info.output_size), NULL);
    return num_steps * info.output_size * sizeof *y;
}

int main(int argc, char **argv)
{
    size_t file_nbytes, x_nbytes, nbytes;
    rnne_model *model;
    rnne_info info;
    rnne_error error;
    if (argc < 6)
        fail("arguments: MODEL ISA MODE X Y [ftz]");
#if defined(__SSE__)
    if (argc > 6)
        _mm_setcsr(_mm_getcsr() | 0x8040u); /* FTZ and DAZ */
#endif
    const char *const mode = argv[3];
    uint8_t *const file = read_file(argv[1], &file_nbytes);
    const rnne_isa isa = (rnne_isa)strtol(argv[2], NULL, 10);
    check(rnne_model_nbytes(file, file_nbytes, &nbytes, &error), &error);
    void *const mem = allocate(nbytes);
    check(rnne_model_init(mem, nbytes, file, file_nbytes, isa, &model, &error), &error);
    rnne_model_info(model, &info);
    float *const x = (float *)(void *)read_file(argv[4], &x_nbytes);
    size_t num_steps = x_nbytes / sizeof *x / info.input_size;
    size_t y_nbytes = num_steps * info.output_size * sizeof(float);
    if (strncmp(mode, "time", 4) == 0) {
        num_steps = x_nbytes / sizeof(int64_t);
        y_nbytes = num_steps * 2 * info.num_derived * sizeof(float);
    }
    if (strcmp(mode, "q") == 0)
        y_nbytes = x_nbytes / info.input_size * info.output_size;
    float *const y = allocate(y_nbytes);
    const char *const colon = strchr(mode, ':');
    const size_t count = colon ? strtoul(colon + 1, NULL, 10) : 0;
    if (strcmp(mode, "test") == 0) {
        const size_t stream_nbytes = rnne_stream_nbytes(model);
        check(rnne_self_test(model, file, file_nbytes, allocate(stream_nbytes), stream_nbytes,
                             &error),
              &error);
        y_nbytes = 0;
    } else if (strcmp(mode, "q") == 0 || strcmp(mode, "time_q") == 0) {
        y_nbytes = replay_q(model, mode[0] == 't', x, x_nbytes, (int16_t *)(void *)y);
    } else if (strcmp(mode, "q32") == 0) {
        y_nbytes =
            replay_q32(model, (const int32_t *)(const void *)x, x_nbytes, (int32_t *)(void *)y);
    } else if (strcmp(mode, "time") == 0) {
        for (size_t t = 0; t < num_steps; t++) {
            int64_t time_s;
            memcpy(&time_s, (const uint8_t *)x + t * sizeof time_s, sizeof time_s);
            rnne_time_features(model, time_s, y + t * 2 * info.num_derived);
        }
    } else if (strncmp(mode, "fleet:", 6) == 0 || strncmp(mode, "index:", 6) == 0) {
        replay_fleet(model, count, RNNE_EXACT, mode[0] == 'i', x, num_steps, y);
    } else if (strncmp(mode, "fast:", 5) == 0) {
        replay_fleet(model, count, RNNE_FAST, 0, x, num_steps, y);
    } else {
        replay_stream(model, mode, x, num_steps, y);
    }
    FILE *const out = fopen(argv[5], "wb");
    if (!out || fwrite(y, 1, y_nbytes, out) != y_nbytes || fclose(out))
        fail(argv[5]);
    return 0;
}
