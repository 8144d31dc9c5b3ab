/* SPDX-License-Identifier: MIT */
/* test_core MODEL: the calls of rnnedge.h on one model, and that stepping allocates nothing. */
#include "check.h"

#include <stdlib.h>
#include <string.h>

#include "rnnedge.h"

static unsigned long num_allocations;

#ifdef COUNT_ALLOCATIONS
void *__real_malloc(size_t);
void *__real_calloc(size_t, size_t);
void *__real_realloc(void *, size_t);
void __real_free(void *);
void *__wrap_malloc(size_t);
void *__wrap_calloc(size_t, size_t);
void *__wrap_realloc(void *, size_t);
void __wrap_free(void *);

void *__wrap_malloc(size_t nbytes)
{
    num_allocations++;
    return __real_malloc(nbytes);
}
void *__wrap_calloc(size_t n, size_t nbytes)
{
    num_allocations++;
    return __real_calloc(n, nbytes);
}
void *__wrap_realloc(void *p, size_t nbytes)
{
    num_allocations++;
    return __real_realloc(p, nbytes);
}
void __wrap_free(void *p)
{
    num_allocations++;
    __real_free(p);
}
#endif

enum { NUM_STEPS = 50, NUM_STREAMS = 40, ODD = 1 };

static unsigned char *file;
static size_t file_nbytes;
static rnne_model *model;
static rnne_info info;
static float *x; /* [NUM_STEPS][I] */

static void *allocate(size_t nbytes)
{
    void *const mem = calloc(nbytes + ODD, 1);
    if (!mem)
        exit(1);
    return mem;
}

static rnne_stream *new_stream(void)
{
    const size_t nbytes = rnne_stream_nbytes(model);
    rnne_stream *stream;
    /* any address will do */
    CHECK(rnne_stream_init((char *)allocate(nbytes) + ODD, nbytes, model, &stream) == RNNE_OK);
    return stream;
}

static float *outputs(void)
{
    return allocate(NUM_STEPS * info.output_size * sizeof(float));
}

static void step_all(rnne_stream *stream, float *y)
{
    for (size_t t = 0; t < NUM_STEPS; t++)
        CHECK(rnne_step(stream, x + t * info.input_size, y + t * info.output_size) == RNNE_OK);
}

static int is_equal(const float *a, const float *b)
{
    return memcmp(a, b, NUM_STEPS * info.output_size * sizeof(float)) == 0;
}

static void self_test_passes(void)
{
    const size_t nbytes = rnne_stream_nbytes(model);
    rnne_error error = {RNNE_OK, 0};
    CHECK(rnne_self_test(model, file, file_nbytes, allocate(nbytes), nbytes, &error) == RNNE_OK);
    CHECK(rnne_self_test(model, file, file_nbytes, allocate(8), 8, &error) ==
          RNNE_MEMORY_TOO_SMALL);
}

static void too_little_memory_is_refused(void)
{
    size_t nbytes;
    rnne_error error;
    rnne_model *other;
    rnne_stream *stream;
    rnne_fleet *fleet;
    CHECK(rnne_model_nbytes(file, file_nbytes, &nbytes, &error) == RNNE_OK);
    void *const mem = allocate(nbytes);
    CHECK(rnne_model_init(mem, nbytes - 1, file, file_nbytes, RNNE_ISA_AUTO, &other, &error) ==
          RNNE_MEMORY_TOO_SMALL);
    CHECK(other == NULL);
    CHECK(rnne_stream_init(mem, 10, model, &stream) == RNNE_MEMORY_TOO_SMALL);
    CHECK(rnne_fleet_init(mem, 10, model, NUM_STREAMS, RNNE_EXACT, &fleet) ==
          RNNE_MEMORY_TOO_SMALL);
    CHECK(rnne_fleet_nbytes(model, SIZE_MAX / 8) == 0);
    CHECK(rnne_fleet_init(mem, nbytes, model, SIZE_MAX / 8, RNNE_EXACT, &fleet) == RNNE_TOO_LARGE);
}

static void run_equals_steps(void)
{
    float *const y = outputs(), *const expected = outputs();
    rnne_stream *const a = new_stream(), *const b = new_stream();
    const size_t nbytes = rnne_run_scratch_nbytes(model);
    step_all(a, expected);
    CHECK(rnne_run(b, x, NUM_STEPS, y, allocate(nbytes), nbytes) == RNNE_OK);
    CHECK(is_equal(y, expected));
    rnne_reset(b);
    CHECK(rnne_num_steps(b) == 0);
    CHECK(rnne_run(b, x, NUM_STEPS, y, NULL, 0) == RNNE_OK);
    CHECK(is_equal(y, expected));
    CHECK(rnne_num_steps(b) == NUM_STEPS);
}

static void input_and_output_may_be_one_buffer(void)
{
    const size_t size = info.input_size > info.output_size ? info.input_size : info.output_size;
    float *const both = allocate(size * sizeof *both), *const expected = outputs();
    rnne_stream *const a = new_stream(), *const b = new_stream();
    rnne_step(a, x, expected);
    memcpy(both, x, info.input_size * sizeof *x);
    rnne_step(b, both, both);
    CHECK(memcmp(both, expected, info.output_size * sizeof *both) == 0);
}

static void snapshot_continues(void)
{
    const size_t nbytes = rnne_state_nbytes(model);
    unsigned char *const snapshot = allocate(nbytes);
    float *const y = outputs(), *const expected = outputs();
    rnne_stream *const a = new_stream(), *const b = new_stream();
    rnne_error error;
    step_all(a, y);
    CHECK(rnne_state_get(a, snapshot, nbytes - 1) == RNNE_MEMORY_TOO_SMALL);
    CHECK(rnne_state_get(a, snapshot, nbytes) == RNNE_OK);
    step_all(a, expected);
    CHECK(rnne_state_set(b, snapshot, nbytes, &error) == RNNE_OK);
    CHECK(rnne_num_steps(b) == NUM_STEPS);
    step_all(b, y);
    CHECK(is_equal(y, expected));
    for (size_t i = 0; i < nbytes; i++) {
        snapshot[i] ^= 0x10;
        CHECK(rnne_state_set(b, snapshot, nbytes, &error) != RNNE_OK);
        snapshot[i] ^= 0x10;
        CHECK(rnne_state_set(b, snapshot, i, &error) != RNNE_OK);
    }
    step_all(a, expected);
    step_all(b, y);
    CHECK(is_equal(y, expected));
}

static void values_are_copied_both_ways(void)
{
    float *const values = allocate(info.state_size * sizeof *values);
    float *const y = outputs(), *const expected = outputs();
    rnne_stream *const a = new_stream(), *const b = new_stream();
    step_all(a, y);
    rnne_values_get(a, values);
    rnne_values_set(b, values, 7);
    CHECK(rnne_num_steps(b) == 7);
    step_all(a, expected);
    step_all(b, y);
    CHECK(is_equal(y, expected));
}

static void a_state_is_found_by_its_name(void)
{
    float *const values = allocate(info.state_size * sizeof *values);
    rnne_stream *const a = new_stream(), *const b = new_stream();
    rnne_tensor each, found = {"none", 7, 7};
    size_t at = 0;
    for (uint32_t k = 0; k < info.num_tensors; k++) {
        CHECK(rnne_state_entry(model, k, &each) == RNNE_OK);
        CHECK(rnne_state_find(model, each.name, &found) == RNNE_OK);
        CHECK(strcmp(found.name, each.name) == 0);
        CHECK(found.at == each.at && found.size == each.size);
        CHECK(each.at == at);
        at += each.size;
    }
    CHECK(at == info.state_size);
    CHECK(strcmp(each.name, "held") == 0);
    CHECK(rnne_state_entry(model, info.num_tensors, &each) == RNNE_BAD_INDEX);
    CHECK(rnne_state_find(model, "h", &found) == RNNE_BAD_INDEX);
    CHECK(rnne_state_find(model, "h_00", &found) == RNNE_BAD_INDEX);
    CHECK(rnne_state_find(model, "", &found) == RNNE_BAD_INDEX);
    CHECK(found.at == each.at);
    CHECK(rnne_state_find(model, "h_0", &found) == RNNE_OK);
    step_all(a, outputs());
    rnne_values_get(a, values);
    const float last = values[found.at + found.size - 1];
    rnne_values_get(b, values);
    values[found.at + found.size - 1] = last;
    rnne_values_set(b, values, rnne_num_steps(b));
    rnne_values_get(b, values);
    CHECK(values[found.at + found.size - 1] == last);
}

static void streams_of_a_fleet_are_apart(void)
{
    const size_t nbytes = rnne_fleet_nbytes(model, NUM_STREAMS);
    const size_t snapshot_nbytes = rnne_state_nbytes(model);
    unsigned char *const snapshot = allocate(snapshot_nbytes);
    float *const y = outputs(), *const expected = outputs();
    float *const values = allocate(info.state_size * sizeof *values);
    float *const other = outputs();
    const uint32_t third = 3, last = NUM_STREAMS - 1, missing = NUM_STREAMS;
    rnne_fleet *fleet;
    rnne_error error;
    step_all(new_stream(), expected);
    CHECK(rnne_fleet_init(allocate(nbytes), nbytes, model, NUM_STREAMS, RNNE_EXACT, &fleet) ==
          RNNE_OK);
    for (size_t t = 0; t < NUM_STEPS; t++) {
        const float *const row = x + t * info.input_size;
        CHECK(rnne_fleet_step(fleet, &third, 1, row, y + t * info.output_size) == RNNE_OK);
        CHECK(rnne_fleet_step(fleet, &last, 1, x, other) == RNNE_OK);
    }
    CHECK(is_equal(y, expected));
    CHECK(rnne_fleet_num_steps(fleet, 3) == NUM_STEPS);
    CHECK(rnne_fleet_num_steps(fleet, 4) == 0);
    CHECK(rnne_fleet_step(fleet, &missing, 1, x, y) == RNNE_BAD_INDEX);
    CHECK(rnne_fleet_step(fleet, NULL, NUM_STREAMS + 1, x, y) == RNNE_BAD_INDEX);
    CHECK(rnne_fleet_state_get(fleet, 3, snapshot, snapshot_nbytes) == RNNE_OK);
    rnne_stream *const stream = new_stream();
    CHECK(rnne_state_set(stream, snapshot, snapshot_nbytes, &error) == RNNE_OK);
    rnne_fleet_values_get(fleet, 3, values);
    rnne_fleet_reset(fleet, 3);
    CHECK(rnne_fleet_num_steps(fleet, 3) == 0);
    rnne_fleet_values_set(fleet, 5, values, 9);
    CHECK(rnne_fleet_state_set(fleet, 3, snapshot, snapshot_nbytes, &error) == RNNE_OK);
    float *const z = outputs();
    rnne_step(stream, x, expected);
    CHECK(rnne_fleet_step(fleet, &third, 1, x, y) == RNNE_OK);
    const uint32_t fifth = 5;
    CHECK(rnne_fleet_step(fleet, &fifth, 1, x, z) == RNNE_OK);
    CHECK(memcmp(y, expected, info.output_size * sizeof *y) == 0);
    CHECK(memcmp(z, expected, info.output_size * sizeof *y) == 0);
}

static void nothing_is_allocated(void)
{
    const size_t nbytes = rnne_run_scratch_nbytes(model);
    const size_t fleet_nbytes = rnne_fleet_nbytes(model, NUM_STREAMS);
    void *const scratch = allocate(nbytes), *const mem = allocate(fleet_nbytes);
    float *const y = outputs();
    rnne_stream *const stream = new_stream();
    rnne_fleet *fleet;
    const unsigned long before = num_allocations;
    step_all(stream, y);
    rnne_run(stream, x, NUM_STEPS, y, scratch, nbytes);
    rnne_fleet_init(mem, fleet_nbytes, model, NUM_STREAMS, RNNE_FAST, &fleet);
    rnne_fleet_step(fleet, NULL, NUM_STEPS < NUM_STREAMS ? NUM_STEPS : NUM_STREAMS, x, y);
    CHECK(num_allocations == before);
#ifdef COUNT_ALLOCATIONS
    free(allocate(1)); /* the counter counts */
    CHECK(num_allocations == before + 2);
#endif
}

static void every_status_has_a_text(void)
{
    for (int status = RNNE_OK; status <= RNNE_TOO_LARGE; status++)
        CHECK(strcmp(rnne_status_text((rnne_status)status), "unknown status") != 0);
    for (int isa = RNNE_ISA_AUTO; isa <= RNNE_ISA_AVX512; isa++)
        CHECK(strcmp(rnne_isa_text((rnne_isa)isa), "unknown") != 0);
}

int main(int argc, char **argv)
{
    size_t nbytes;
    rnne_error error;
    FILE *const stream = argc == 2 ? fopen(argv[1], "rb") : NULL;
    if (!stream)
        return 2;
    file = allocate(1 << 20);
    file_nbytes = fread(file, 1, 1 << 20, stream);
    fclose(stream);
    if (rnne_model_nbytes(file, file_nbytes, &nbytes, &error) != RNNE_OK ||
        rnne_model_init((char *)allocate(nbytes) + ODD, nbytes, file, file_nbytes, RNNE_ISA_AUTO,
                        &model, &error) != RNNE_OK) {
        fprintf(stderr, "%s, at %lu\n", rnne_status_text(error.status),
                (unsigned long)error.offset);
        return 2;
    }
    rnne_model_info(model, &info);
    x = allocate(NUM_STEPS * info.input_size * sizeof *x);
    for (size_t i = 0; i < NUM_STEPS * info.input_size; i++)
        x[i] = (float)(int)(i * 7919 % 2001) / 1000.0f - 1.0f;
    TEST(self_test_passes);
    TEST(too_little_memory_is_refused);
    TEST(run_equals_steps);
    TEST(input_and_output_may_be_one_buffer);
    TEST(snapshot_continues);
    TEST(values_are_copied_both_ways);
    TEST(a_state_is_found_by_its_name);
    TEST(streams_of_a_fleet_are_apart);
    TEST(nothing_is_allocated);
    TEST(every_status_has_a_text);
    return num_failed != 0;
}
