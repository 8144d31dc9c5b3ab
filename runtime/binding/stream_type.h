/* SPDX-License-Identifier: MIT */
#ifndef RNNE_STREAM_TYPE_H
#define RNNE_STREAM_TYPE_H

#include "binding.h"

typedef struct stream_object {
    PyObject_HEAD
    model_object *model;
    rnne_stream *core;
    void *memory;      /* core, x and y */
    void *scratch;     /* of rnne_run(); made when first needed */
    float *x;          /* [I] inputs that had to be converted or joined */
    float *y;          /* [O] outputs of the last step */
    int64_t last_time; /* of the last step, with derived inputs */
    int has_output;    /* whether y was set since the start, reset or restore */
    use_flag use;      /* of all fields above but model */
} stream_object;

/* The quick way of one step; what it does not know goes to the method _step_checked. */
PyObject *stream_step(PyObject *object, PyObject *const *args, Py_ssize_t num_args,
                      PyObject *keywords);
int init_step(void);

#endif
