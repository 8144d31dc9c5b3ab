/* SPDX-License-Identifier: MIT */
/* A model as a module of one stream: what it reads and writes lies in its own memory. */
#include "model.c"

#define EXPORT(name) __attribute__((export_name(#name)))
#define GIVE(type, name, function, value)                                                         \
    EXPORT(name) type function(void)                                                              \
    {                                                                                             \
        return value;                                                                             \
    }
#define ROWS 64

static model_state state;
static float x[ROWS * MODEL_INPUT_SIZE], y[ROWS * MODEL_OUTPUT_SIZE];
/* One of float64 tensors is at most this long. */
static uint8_t snapshot[2 * MODEL_SNAPSHOT_NBYTES];
static uint8_t is_started;

static model_state *stream(void)
{
    if (!is_started)
        model_reset(&state);
    is_started = 1;
    return &state;
}

GIVE(float *, x, x_start, x)
GIVE(float *, y, y_start, y)
GIVE(uint8_t *, snapshot, snapshot_start, snapshot)
GIVE(int, rows, rows, ROWS)
GIVE(int, input_size, input_size, MODEL_INPUT_SIZE)
GIVE(int, output_size, output_size, MODEL_OUTPUT_SIZE)
GIVE(int, num_features, num_features, MODEL_NUM_FEATURES)
GIVE(int, snapshot_nbytes, snapshot_nbytes, MODEL_SNAPSHOT_NBYTES)
GIVE(int, max_snapshot_nbytes, max_snapshot_nbytes, sizeof snapshot) /* the room at snapshot */
GIVE(int, state_nbytes, state_nbytes, sizeof state)

EXPORT(reset) void reset(void)
{
    is_started = 0;
}

/* Row 0 of x to row 0 of y: 0, or 1 when a reading is missing that must not be. */
EXPORT(step) int step(void)
{
    return model_step(stream(), x, y);
}

/* The first n rows, at most rows(). */
EXPORT(run) int run(uint32_t n)
{
    return n > ROWS ? 1 : model_run(stream(), x, n, y);
}

/* Into snapshot. */
EXPORT(save) void save(void)
{
    model_save(stream(), snapshot);
}

/* The checksum of snapshot, for one whose tensors were written to. */
EXPORT(seal) void seal(void)
{
    model_seal(snapshot);
}

/* From snapshot: 0, or why the state is as before, as model_restore() says it. Of one that is
 * longer than the room, only the header is read. */
EXPORT(restore) int restore(uint32_t nbytes)
{
    if (nbytes <= sizeof snapshot)
        return model_restore(stream(), snapshot, nbytes);
    rnne_end_snapshot(snapshot, snapshot + RNNE_SNAPSHOT_HEADER);
    /* No header has as many tensors, so that this is never 0. */
    return rnne_check_snapshot(snapshot, RNNE_SNAPSHOT_HEADER + 4, model_identity, 0x10000);
}

/* The derived inputs of a time in whole seconds, at the end of a row of x. */
EXPORT(time) void time(uint32_t row, double unix_time_s)
{
    if (row < ROWS)
        model_time((int64_t)unix_time_s, x + row * MODEL_INPUT_SIZE + MODEL_NUM_FEATURES);
}

EXPORT(selftest) int selftest(void)
{
    return model_selftest();
}
