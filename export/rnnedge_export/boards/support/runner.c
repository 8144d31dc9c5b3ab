/* SPDX-License-Identifier: MIT */
/* Reads orders, each two 32-bit words and its data, and writes their answers, until END. */
#include "io.h"
#include "runner.h"

enum order { END, SELECT, RESET, STEP, RUN, SAVE, RESTORE, SELFTEST, TIME, STEP_Q };

enum { OK, NO_FILES = 2, SHORT_JOB, NOT_WRITTEN, BAD_ORDER };

static int step_rows(const struct model *model, uint32_t num_rows,
                     void (*step)(const float *x, float *y))
{
    if (!step)
        return BAD_ORDER;
    for (; num_rows; num_rows--) {
        if (io_read(rows_in, model->input_size * sizeof(float)))
            return SHORT_JOB;
        step(rows_in, rows_out);
        if (io_write(rows_out, model->output_size * sizeof(float)))
            return NOT_WRITTEN;
    }
    return OK;
}

static int run_rows(const struct model *model, uint32_t num_rows)
{
    if (num_rows > RUN_ROWS)
        return BAD_ORDER;
    if (io_read(rows_in, num_rows * model->input_size * sizeof(float)))
        return SHORT_JOB;
    model->run(rows_in, num_rows, rows_out);
    return io_write(rows_out, num_rows * model->output_size * sizeof(float)) ? NOT_WRITTEN : OK;
}

static int restore(const struct model *model, uint32_t nbytes)
{
    if (nbytes > model->snapshot_nbytes)
        return BAD_ORDER;
    if (io_read(snapshot, nbytes))
        return SHORT_JOB;
    int32_t status = model->restore(snapshot, nbytes);
    return io_write(&status, sizeof status) ? NOT_WRITTEN : OK;
}

static int time_inputs(const struct model *model)
{
    int64_t t;
    if (io_read(&t, sizeof t))
        return SHORT_JOB;
    for (size_t k = 0; k < model->input_size; k++)
        rows_out[k] = 0;
    model->time(t, rows_out);
    return io_write(rows_out, model->input_size * sizeof(float)) ? NOT_WRITTEN : OK;
}

static int obey(const struct model *model, uint32_t order, uint32_t argument)
{
    int32_t status;
    switch ((enum order)order) {
    case RESET: model->reset(); return OK;
    case STEP: return step_rows(model, argument, model->step);
    case STEP_Q: return step_rows(model, argument, model->step_q);
    case RUN: return run_rows(model, argument);
    case SAVE:
        model->save(snapshot);
        return io_write(snapshot, model->snapshot_nbytes) ? NOT_WRITTEN : OK;
    case RESTORE: return restore(model, argument);
    case SELFTEST:
        status = model->selftest();
        return io_write(&status, sizeof status) ? NOT_WRITTEN : OK;
    case TIME: return time_inputs(model);
    case END:
    case SELECT: break;
    }
    return BAD_ORDER;
}

int main(void)
{
    const struct model *model = models;
    if (io_open())
        return NO_FILES;
    for (;;) {
        uint32_t order[2];
        if (io_read(order, sizeof order))
            return SHORT_JOB;
        if (order[0] == END)
            break;
        int status = OK;
        if (order[0] != SELECT)
            status = obey(model, order[0], order[1]);
        else if (order[1] < num_models)
            model = models + order[1];
        else
            status = BAD_ORDER;
        if (status)
            return status;
    }
    io_close();
    return OK;
}
