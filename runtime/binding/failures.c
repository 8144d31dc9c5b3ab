/* SPDX-License-Identifier: MIT */
#include "binding.h"

static void raise_from_python(const char *module, const char *maker, PyObject *arguments)
{
    PyObject *home = PyImport_ImportModule(module);
    PyObject *make = home ? PyObject_GetAttrString(home, maker) : NULL;
    PyObject *error = make && arguments ? PyObject_CallObject(make, arguments) : NULL;
    if (error)
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
    Py_XDECREF(error);
    Py_XDECREF(make);
    Py_XDECREF(home);
    Py_XDECREF(arguments);
}

void raise_file(const char *where, const rnne_error *error)
{
    raise_from_python(
        "rnnedge_runtime.errors", "file_error",
        Py_BuildValue("(sns)", where, (Py_ssize_t)error->offset, rnne_status_text(error->status)));
}

void raise_busy(const char *owner)
{
    raise_from_python("rnnedge_runtime.streams.exclusive", "entered_twice",
                      Py_BuildValue("(s)", owner));
}
