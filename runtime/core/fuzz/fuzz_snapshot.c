/* SPDX-License-Identifier: MIT */
/*
 * Restores what the fuzzer makes of snapshots, and steps on.  The mutator repairs the checksum.
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
static float *x, *y;

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
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rnne_error error;
    const uint64_t before = rnne_num_steps(stream);
    uint8_t *const snapshot = malloc(size ? size : 1);
    if (!snapshot)
        return 0;
    memcpy(snapshot, data, size);
    if (rnne_state_set(stream, snapshot, size, &error) != RNNE_OK) {
        if (rnne_num_steps(stream) != before || error.offset > size)
            abort();
    } else {
        for (int t = 0; t < 3; t++)
            rnne_step(stream, x, y);
        rnne_reset(stream);
    }
    free(snapshot);
    return 0;
}
