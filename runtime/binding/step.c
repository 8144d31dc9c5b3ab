/* SPDX-License-Identifier: MIT */
/*
 * Stream.step(x, time=None, out=None) for the arguments a device loop passes: x an array of
 * float32 or float64, a list or a tuple; time an int; out an array of float32.  Everything else,
 * and everything that is wrong, is left to the Python method _step_checked, which treats it as
 * every other backend does.
 */
#include "binding.h"

#include <string.h>

typedef struct step_arguments {
    PyObject *x;
    PyObject *time; /* or None */
    PyObject *out;  /* or None */
} step_arguments;

static PyObject *name_x, *name_time, *name_out, *name_checked;

int init_step(void)
{
    name_x = PyUnicode_InternFromString("x");
    name_time = PyUnicode_InternFromString("time");
    name_out = PyUnicode_InternFromString("out");
    name_checked = PyUnicode_InternFromString("_step_checked");
    return name_x && name_time && name_out && name_checked ? 0 : -1;
}

static PyObject **argument_named(step_arguments *a, PyObject *name)
{
    if (name == name_out || PyUnicode_Compare(name, name_out) == 0)
        return &a->out;
    if (name == name_time || PyUnicode_Compare(name, name_time) == 0)
        return &a->time;
    return PyUnicode_Compare(name, name_x) == 0 ? &a->x : NULL;
}

static int parse(step_arguments *a, PyObject *const *args, Py_ssize_t num_args, PyObject *keywords)
{
    const Py_ssize_t num_keywords = keywords ? PyTuple_Size(keywords) : 0;
    if (num_args > 3) {
        PyErr_Format(PyExc_TypeError, "step() takes at most 3 arguments (%zd given)", num_args);
        return -1;
    }
    a->x = num_args > 0 ? args[0] : NULL;
    a->time = num_args > 1 ? args[1] : NULL;
    a->out = num_args > 2 ? args[2] : NULL;
    for (Py_ssize_t k = 0; k < num_keywords; k++) {
        PyObject *name = PyTuple_GetItem(keywords, k);
        PyObject **place = argument_named(a, name);
        if (!place || *place) {
            PyErr_Format(PyExc_TypeError, "step() got an unexpected or repeated argument '%U'",
                         name);
            return -1;
        }
        *place = args[num_args + k];
    }
    if (!a->x) {
        PyErr_SetString(PyExc_TypeError, "step() needs the argument 'x'");
        return -1;
    }
    if (!a->time)
        a->time = Py_None;
    if (!a->out)
        a->out = Py_None;
    return 0;
}

/* A Python number as a float; 0 when it is something else. */
static int read_number(PyObject *number, float *value)
{
    if (!PyFloat_Check(number) && !PyLong_CheckExact(number))
        return 0;
    const double wide = PyFloat_AsDouble(number);
    if (wide == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return 0;
    }
    *value = (float)wide;
    return 1;
}

static const float *read_sequence(PyObject *x, Py_ssize_t size, float *values)
{
    const int is_list = PyList_CheckExact(x);
    if ((is_list ? PyList_Size(x) : PyTuple_Size(x)) != size)
        return NULL;
    for (Py_ssize_t k = 0; k < size; k++)
        if (!read_number(is_list ? PyList_GetItem(x, k) : PyTuple_GetItem(x, k), values + k))
            return NULL;
    return values;
}

/* The F features as floats, in place or in self->x; NULL when x is not plain. */
static const float *read_features(const stream_object *self, PyObject *x)
{
    const Py_ssize_t size = (Py_ssize_t)self->model->info.num_features;
    const float *values = array_data(x, rnne_numpy.float32, size, 0);
    if (values)
        return values;
    const double *wide = array_data(x, rnne_numpy.float64, size, 0);
    if (wide) {
        for (Py_ssize_t k = 0; k < size; k++)
            self->x[k] = (float)wide[k];
        return self->x;
    }
    if (PyList_CheckExact(x) || PyTuple_CheckExact(x))
        return read_sequence(x, size, self->x);
    return NULL;
}

/* The I model inputs, derived columns included; NULL when an argument is not plain. */
static const float *read_inputs(stream_object *self, const step_arguments *a)
{
    const rnne_info *info = &self->model->info;
    const float *features = read_features(self, a->x);
    if (!features || (a->time == Py_None && !info->num_derived))
        return features;
    if (!PyLong_CheckExact(a->time))
        return NULL;
    int overflow = 0;
    const long long time = PyLong_AsLongLongAndOverflow(a->time, &overflow);
    if (overflow)
        return NULL;
    if (!info->num_derived)
        return features;
    if (features != self->x)
        memcpy(self->x, features, info->num_features * sizeof(float));
    rnne_time_features(self->model->core, time, self->x + info->num_features);
    self->last_time = time;
    return self->x;
}

/* Whether the step was made; 0 with nothing changed. */
static int step_core(stream_object *self, const step_arguments *a, PyObject *out,
                     Py_ssize_t output_size)
{
    float *y = array_data(out, rnne_numpy.float32, output_size, ARRAY_WRITEABLE);
    const int64_t last_time = self->last_time;
    const float *x = y ? read_inputs(self, a) : NULL;
    if (!x || rnne_step(self->core, x, y) != RNNE_OK) {
        self->last_time = last_time;
        return 0;
    }
    memcpy(self->y, y, (size_t)output_size * sizeof(float));
    self->has_output = 1;
    return 1;
}

static PyObject *step_checked(stream_object *self, const step_arguments *a)
{
    return PyObject_CallMethodObjArgs((PyObject *)self, name_checked, a->x, a->time, a->out, NULL);
}

PyObject *stream_step(PyObject *object, PyObject *const *args, Py_ssize_t num_args,
                      PyObject *keywords)
{
    stream_object *self = (stream_object *)object;
    step_arguments a;
    if (parse(&a, args, num_args, keywords) < 0)
        return NULL;
    if (!rnne_numpy.array_type)
        return step_checked(self, &a);
    const Py_ssize_t output_size = (Py_ssize_t)self->model->info.output_size;
    PyObject *out = a.out == Py_None ? new_float32(output_size) : Py_NewRef(a.out);
    if (!out)
        return NULL;
    if (take_use(&self->use, "Stream") < 0) {
        Py_DECREF(out);
        return NULL;
    }
    const int is_done = step_core(self, &a, out, output_size);
    leave_use(&self->use);
    if (is_done)
        return out;
    Py_DECREF(out);
    return step_checked(self, &a);
}
