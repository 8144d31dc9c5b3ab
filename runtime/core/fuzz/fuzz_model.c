/* SPDX-License-Identifier: MIT */
/*
 * Loads what the fuzzer makes of .rnne files, with every instruction set, and steps what loads.
 * The mutator repairs size and checksum, so that the parser behind them is reached.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "rnnedge.h"

enum { SIZE_AT = 12, CHECKSUM_AT = 16, HEADER_NBYTES = 32, MAX_FLOATS = 1 << 22, NUM_STEPS = 5 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
uint32_t rnne_crc32(uint32_t crc, const void *bytes, size_t nbytes);

static void put_u32(uint8_t *at, uint32_t value)
{
    for (int i = 0; i < 4; i++)
        at[i] = (uint8_t)(value >> 8 * i);
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size < HEADER_NBYTES || seed % 16 == 0)
        return size;
    if (seed % 16 != 1) {
        size = size / 4 * 4;
        put_u32(data + SIZE_AT, (uint32_t)size);
    }
    put_u32(data + CHECKSUM_AT, 0);
    put_u32(data + CHECKSUM_AT, rnne_crc32(0, data, size));
    return size;
}

/* The calls in integers, which most models refuse; memory of exact sizes. */
static void use_integers(const rnne_model *model, const rnne_info *info, rnne_stream *stream)
{
    const size_t num_x = info->input_size, num_y = info->output_size;
    float *const x_scale = calloc(2 * num_x, sizeof(float));
    float *const y_scale = calloc(2 * num_y, sizeof(float));
    int16_t *const x = calloc(num_x, sizeof *x), *const y = calloc(num_y, sizeof *y);
    if (x_scale && y_scale && x && y &&
        rnne_scales_q(model, x_scale, x_scale + num_x, y_scale, y_scale + num_y) == RNNE_OK) {
        for (size_t i = 0; i < info->num_features; i++)
            x[i] = (int16_t)(i % 3 ? INT16_MAX : INT16_MIN);
        rnne_time_features_q(model, INT64_MAX, x + info->num_features);
        for (size_t t = 0; t < NUM_STEPS; t++)
            rnne_step_q(stream, x, y);
    }
    free(x_scale);
    free(y_scale);
    free(x);
    free(y);
}

static void use(const rnne_model *model, const uint8_t *file, size_t file_nbytes)
{
    rnne_info info;
    rnne_stream *stream;
    rnne_fleet *fleet;
    rnne_error error;
    rnne_model_info(model, &info);
    const size_t nbytes = rnne_stream_nbytes(model),
                 fleet_nbytes = rnne_fleet_nbytes(model, NUM_STEPS);
    const size_t scratch_nbytes = rnne_run_scratch_nbytes(model);
    const size_t num_floats = NUM_STEPS * ((size_t)info.input_size + info.output_size);
    if (nbytes + fleet_nbytes + scratch_nbytes + num_floats > MAX_FLOATS * sizeof(float))
        return;
    void *const mem = malloc(nbytes), *const fleet_mem = malloc(fleet_nbytes);
    void *const scratch = malloc(scratch_nbytes);
    float *const x = calloc(num_floats, sizeof *x), *const y = x + NUM_STEPS * info.input_size;
    for (size_t i = 0; i < NUM_STEPS * (size_t)info.input_size; i++)
        x[i] = (float)i - 1.5f;
    if (mem && fleet_mem && scratch && x) {
        const uint32_t index[NUM_STEPS] = {2, 0, 1, 4, 3};
        rnne_self_test(model, file, file_nbytes, mem, nbytes, &error);
        rnne_stream_init(mem, nbytes, model, &stream);
        for (size_t t = 0; t < NUM_STEPS; t++)
            rnne_step(stream, x + t * info.input_size, y + t * info.output_size);
        use_integers(model, &info, stream);
        rnne_run(stream, x, NUM_STEPS, y, scratch, scratch_nbytes);
        rnne_fleet_init(fleet_mem, fleet_nbytes, model, NUM_STEPS, RNNE_FAST, &fleet);
        rnne_fleet_step(fleet, NULL, NUM_STEPS, x, y);
        rnne_fleet_step(fleet, index, NUM_STEPS, x, y);
        if (2 * info.num_derived <= num_floats)
            rnne_time_features(model, INT64_MIN, x);
    }
    free(mem);
    free(fleet_mem);
    free(scratch);
    free(x);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    size_t nbytes = 0;
    rnne_error error;
    /* A copy of exact size: a byte read behind it is found. */
    uint8_t *const file = malloc(size ? size : 1);
    if (!file)
        return 0;
    memcpy(file, data, size);
    if (rnne_model_nbytes(file, size, &nbytes, &error) == RNNE_OK &&
        nbytes < MAX_FLOATS * sizeof(float)) {
        void *const mem = malloc(nbytes);
        for (int isa = RNNE_ISA_PLAIN; mem && isa <= RNNE_ISA_AVX512_VNNI; isa++) {
            rnne_model *model;
            if (rnne_model_init(mem, nbytes, file, size, (rnne_isa)isa, &model, &error) == RNNE_OK)
                use(model, file, size);
        }
        free(mem);
    }
    free(file);
    return 0;
}
