/* SPDX-License-Identifier: MIT */
/*
 * What the sources of rnnedge_runtime._native share.  The module holds the calls that must be
 * quick; checks with messages, snapshots of other backends and forecasts are Python, in
 * rnnedge_runtime/backends/native*.py, which subclasses or holds these types.
 */
#ifndef RNNE_BINDING_H
#define RNNE_BINDING_H

#include "numpy_abi.h"
#include "rnnedge.h"
#include "use.h"

typedef struct model_object {
    PyObject_HEAD
    void *memory;
    rnne_model *core;
    rnne_info info;
} model_object;

extern PyTypeObject *model_type; /* Model */
PyObject *make_model_type(void);
PyObject *make_stream_type(void);
PyObject *make_fleet_type(void);

/* ---- streams --------------------------------------------------------------------------- */

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

/* Functions of the module: tables of text by blocks (text_calls.c). */
extern PyMethodDef text_functions[];

/* ---- failures: exceptions of rnnedge_runtime.errors ------------------------------------ */

/* raise_file() raises FormatError with the place in the file named `where`. */
void raise_file(const char *where, const rnne_error *error);

/* ---- buffers --------------------------------------------------------------------------- */

/*
 * get_floats() opens the C-contiguous float32 buffer of an object.
 *
 * unit: its number of values must be a multiple of it.
 *
 * Returns the number of units, -1 with ValueError or BufferError.  The caller releases view.
 */
Py_ssize_t get_floats(PyObject *object, Py_buffer *view, Py_ssize_t unit, int is_writable);

/* get_exact() is get_floats() for one unit; 0, or -1 with an exception. */
int get_exact(PyObject *object, Py_buffer *view, Py_ssize_t size, int is_writable);

/* get_integers() opens a C-contiguous buffer of `size` values of `width` bytes, to read. */
int get_integers(PyObject *object, Py_buffer *view, Py_ssize_t size, Py_ssize_t width);

#endif
