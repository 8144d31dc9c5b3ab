/* SPDX-License-Identifier: MIT */
/*
 * Restores what the fuzzer makes of snapshots, steps on and takes the state out again, whole and
 * as bare values.  What is refused leaves the state as it was.  The mutator repairs the checksum.
 * The models the snapshots belong to, in floats and in integers, are in RNNE_FUZZ_MODELS.
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

/* A stream of one model, with memory of exact sizes. */
typedef struct subject {
    rnne_stream *stream;
    size_t state_nbytes;
    float *x, *y, *values;
    uint8_t *before, *after;
} subject;

enum { NUM_SUBJECTS = 5 };
static subject subjects[NUM_SUBJECTS];

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

static void require(int condition)
{
    if (!condition)
        abort();
}

/* The tensors, by number and by name, lie one behind the other. */
static void find_tensors(const rnne_model *model, const rnne_info *info)
{
    rnne_tensor each, found;
    size_t at = 0;
    for (uint32_t k = 0; k < info->num_tensors; k++, at += each.size) {
        require(rnne_state_entry(model, k, &each) == RNNE_OK && each.at == at);
        require(rnne_state_find(model, each.name, &found) == RNNE_OK && found.at == at);
    }
    require(at == info->state_size);
    require(rnne_state_find(model, "h_", &found) == RNNE_BAD_INDEX);
}

static void load(subject *s, const char *path)
{
    static uint8_t file[MAX_FILE_NBYTES];
    size_t nbytes;
    rnne_model *model;
    rnne_info info;
    FILE *const in = fopen(path, "rb");
    const size_t file_nbytes = in ? fread(file, 1, sizeof file, in) : 0;
    require(rnne_model_nbytes(file, file_nbytes, &nbytes, NULL) == RNNE_OK);
    require(rnne_model_init(malloc(nbytes), nbytes, file, file_nbytes, RNNE_ISA_AUTO, &model,
                            NULL) == RNNE_OK);
    fclose(in);
    rnne_model_info(model, &info);
    find_tensors(model, &info);
    nbytes = rnne_stream_nbytes(model);
    rnne_stream_init(malloc(nbytes), nbytes, model, &s->stream);
    s->x = calloc(info.input_size, sizeof *s->x);
    s->y = calloc(info.output_size, sizeof *s->y);
    s->values = malloc(info.state_size * sizeof *s->values);
    s->state_nbytes = rnne_state_nbytes(model);
    s->before = malloc(s->state_nbytes);
    s->after = malloc(s->state_nbytes);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    load(&subjects[0], RNNE_FUZZ_MODELS "/gru.rnne");
    load(&subjects[1], RNNE_FUZZ_MODELS "/lstm_w8a16.rnne");
    load(&subjects[2], RNNE_FUZZ_MODELS "/change.rnne");
    load(&subjects[3], RNNE_FUZZ_MODELS "/follow_w8a16.rnne");
    load(&subjects[4], RNNE_FUZZ_MODELS "/graph_loop_w8a16.rnne");
    return 0;
}

static void take(const subject *s, uint8_t *snapshot)
{
    const size_t nbytes = s->state_nbytes;
    require(rnne_state_get(s->stream, snapshot, nbytes - 1) == RNNE_MEMORY_TOO_SMALL);
    require(rnne_state_get(s->stream, snapshot, nbytes) == RNNE_OK);
}

static void require_same(const subject *s)
{
    take(s, s->after);
    require(memcmp(s->before, s->after, s->state_nbytes) == 0);
}

/* The state that was taken comes back whole, both ways. */
static void use(const subject *s)
{
    rnne_error error;
    take(s, s->before);
    rnne_values_get(s->stream, s->values);
    const uint64_t num_steps = rnne_num_steps(s->stream);
    for (int t = 0; t < 3; t++)
        rnne_step(s->stream, s->x, s->y);
    require(rnne_num_steps(s->stream) == num_steps + 3);
    rnne_values_set(s->stream, s->values, num_steps);
    require_same(s);
    rnne_reset(s->stream);
    require(rnne_num_steps(s->stream) == 0);
    require(rnne_state_set(s->stream, s->before, s->state_nbytes, &error) == RNNE_OK);
    require_same(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    rnne_error error;
    uint8_t *const snapshot = malloc(size ? size : 1);
    if (!snapshot)
        return 0;
    memcpy(snapshot, data, size);
    for (int i = 0; i < NUM_SUBJECTS; i++) {
        const subject *const s = &subjects[i];
        take(s, s->before);
        if (rnne_state_set(s->stream, snapshot, size, &error) == RNNE_OK) {
            use(s);
        } else {
            require(error.offset <= size);
            require_same(s);
        }
    }
    free(snapshot);
    return 0;
}
