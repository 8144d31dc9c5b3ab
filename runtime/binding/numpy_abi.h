/* SPDX-License-Identifier: MIT */
/*
 * NumPy arrays without NumPy's headers: the table of functions that NumPy publishes as a capsule
 * and the head of its array object, both part of its ABI since 1.7.  What is read that way is
 * compared with what Python says when the module is imported; with an unknown NumPy nothing here
 * accepts an array, and the callers take their general way.
 */
#ifndef RNNE_NUMPY_ABI_H
#define RNNE_NUMPY_ABI_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* Bits of array_fields.flags (NPY_ARRAY_*). */
enum { ARRAY_C_CONTIGUOUS = 0x1, ARRAY_ALIGNED = 0x100, ARRAY_WRITEABLE = 0x400 };

/* The head of PyArrayObject_fields (numpy/ndarraytypes.h). */
typedef struct array_fields {
    PyObject_HEAD
    char *data;
    int num_axes;
    Py_ssize_t *shape;   /* [num_axes] */
    Py_ssize_t *strides; /* [num_axes] */
    PyObject *base;
    PyObject *dtype;
    int flags;
} array_fields;

typedef PyObject *(*new_array_function)(PyTypeObject *, PyObject *, int, const Py_ssize_t *,
                                        const Py_ssize_t *, void *, int, PyObject *);

typedef struct numpy_abi {
    PyTypeObject *array_type; /* NULL with an unknown NumPy: no object is an array then */
    PyObject *float32;        /* the dtypes in native byte order */
    PyObject *float64;
    new_array_function new_array; /* PyArray_NewFromDescr */
    PyObject *empty;              /* numpy.empty */
} numpy_abi;

extern numpy_abi rnne_numpy;

/* numpy_abi_init() fills rnne_numpy; -1 with an exception when NumPy cannot be imported. */
int numpy_abi_init(void);

/* new_float32() makes an array [size], its values not set. */
PyObject *new_float32(Py_ssize_t size);

/* array_data() gives the values of a plain array [size] of this dtype, NULL for all else. */
static inline void *array_data(PyObject *object, PyObject *dtype, Py_ssize_t size, int flags)
{
    const array_fields *array = (const array_fields *)object;
    if (Py_TYPE(object) != rnne_numpy.array_type || array->dtype != dtype)
        return NULL;
    if (array->num_axes != 1 || array->shape[0] != size)
        return NULL;
    flags |= ARRAY_C_CONTIGUOUS | ARRAY_ALIGNED;
    return (array->flags & flags) == flags ? array->data : NULL;
}

#endif
