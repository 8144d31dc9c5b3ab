/* SPDX-License-Identifier: MIT */
/*
 * Restores what the fuzzer makes of snapshots, steps on and takes the state out again, whole and
 * as bare values.  What is refused leaves the state as it was.  The mutator repairs the checksum.
 * RNNE_FUZZ_MODEL names the model the snapshots belong to.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rnnedge.h"

enum { CHECKSUM_NBYTES = 4, MAX_FILE_NBYTES = 1 << 16 };

size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
uint32_t rnne_crc32(uint32_t crc, const void *bytes, size_t nbytes);

static rnne_stream *stream;
static rnne_info info;
static size_t state_nbytes;
static float *x, *y, *values;
static uint8_t *before, *after;

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
    size = LLVMFuzzerMutate(data, size, max_size);
    if (size < CHECKSUM_NBYTES || seed % 16 == 0)
        return size;
    const uint32_t crc = rnne_crc32(0, data, size - CHECKSUM_NBYTES);
    for (size_t i = 0; i < CHECKSUM_NBYTES; i++)
        data[size - CHECKSUM_NBYTES + i] = (uint8_t)(crc >> 8 * i);
    return size;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    static uint8_t file[MAX_FILE_NBYTES];
    size_t nbytes;
    rnne_model *model;
    (void)argc;
    (void)argv;
    FILE *const in = fopen(RNNE_FUZZ_MODEL, "rb");
    const size_t file_nbytes = in ? fread(file, 1, sizeof file, in) : 0;
    if (rnne_model_nbytes(file, file_nbytes, &nbytes, NULL) != RNNE_OK ||
        rnne_model_init(malloc(nbytes), nbytes, file, file_nbytes, RNNE_ISA_AUTO, &model, NULL) !=
            RNNE_OK)
        abort();
    rnne_model_info(model, &info);
    nbytes = rnne_stream_nbytes(model);
    rnne_stream_init(malloc(nbytes), nbytes, model, &stream);
    x = calloc(info.input_size, sizeof *x);
    y = calloc(info.output_size, sizeof *y);
    values = malloc(info.state_size * sizeof *values);
    state_nbytes = rnne_state_nbytes(model);
    before = malloc(state_nbytes);
    after = malloc(state_nbytes);
    return 0;
}

static void require(int condition)
{
    if (!condition)
        abort();
}

static void take(uint8_t *snapshot)
{
    require(rnne_state_get(stream, snapshot, state_nbytes - 1) == RNNE_MEMORY_TOO_SMALL);
    require(rnne_state_get(stream, snapshot, state_nbytes) == RNNE_OK);
}

/* The state that was taken comes back whole, both ways. */
static void use(void)
{
    rnne_error error;
    take(before);
    rnne_values_get(stream, values);
    const uint64_t num_steps = rnne_num_steps(stream);
    for (int t = 0; t < 3; t++)
        rnne_step(stream, x, y);
    require(rnne_num_steps(stream) == num_steps + 3);
    rnne_values_set(stream, values, num_steps);
    take(after);
    require(memcmp(before, after, state_nbytes) == 0);
    rnne_reset(stream);
    require(rnne_num_steps(stream) == 0);
    require(rnne_state_set(stream, before, state_nbytes, &error) == RNNE_OK);
    take(after);
    require(memcmp(before, after, state_nbytes) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rnne_error error;
    uint8_t *const snapshot = malloc(size ? size : 1);
    if (!snapshot)
        return 0;
    memcpy(snapshot, data, size);
    take(before);
    if (rnne_state_set(stream, snapshot, size, &error) == RNNE_OK) {
        use();
    } else {
        require(error.offset <= size);
        take(after);
        require(memcmp(before, after, state_nbytes) == 0);
    }
    free(snapshot);
    return 0;
}
