/* SPDX-License-Identifier: MIT */
#include "binding.h"

#include <string.h>

static int open_buffer(PyObject *object, Py_buffer *view, Py_ssize_t width, int is_writable)
{
    const int flags = PyBUF_C_CONTIGUOUS | PyBUF_FORMAT | (is_writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags) < 0)
        return -1;
    if (view->itemsize == width)
        return 0;
    PyErr_Format(PyExc_ValueError, "_native: buffer items have %zd bytes, expected %zd",
                 view->itemsize, width);
    PyBuffer_Release(view);
    return -1;
}

Py_ssize_t get_floats(PyObject *object, Py_buffer *view, Py_ssize_t unit, int is_writable)
{
    if (open_buffer(object, view, (Py_ssize_t)sizeof(float), is_writable) < 0)
        return -1;
    const Py_ssize_t size = view->len / (Py_ssize_t)sizeof(float);
    if (strcmp(view->format, "f") == 0 && size % unit == 0)
        return size / unit;
    PyErr_Format(PyExc_ValueError,
                 "_native: buffer holds %zd values of type '%s', expected float32, %zd a row",
                 size, view->format, unit);
    PyBuffer_Release(view);
    return -1;
}

int get_exact(PyObject *object, Py_buffer *view, Py_ssize_t size, int is_writable)
{
    const Py_ssize_t num_units = get_floats(object, view, size, is_writable);
    if (num_units < 0)
        return -1;
    if (num_units == 1)
        return 0;
    PyErr_Format(PyExc_ValueError, "_native: buffer holds %zd rows, expected 1", num_units);
    PyBuffer_Release(view);
    return -1;
}

int get_integers(PyObject *object, Py_buffer *view, Py_ssize_t size, Py_ssize_t width)
{
    if (open_buffer(object, view, width, 0) < 0)
        return -1;
    if (view->len == size * width)
        return 0;
    PyErr_Format(PyExc_ValueError, "_native: buffer holds %zd integers, expected %zd",
                 view->len / width, size);
    PyBuffer_Release(view);
    return -1;
}
