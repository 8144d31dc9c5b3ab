/* SPDX-License-Identifier: MIT */
/* Fleet(model, num_streams, is_fast): many series that are stepped together. */
#include "binding.h"

#include <string.h>

typedef struct fleet_object {
    PyObject_HEAD
    model_object *model;
    rnne_fleet *core;
    void *memory;
    size_t num_streams;
    use_flag use; /* of core */
} fleet_object;

static PyTypeObject *fleet_type;

static int make_core(fleet_object *self, int is_fast)
{
    const rnne_numerics numerics = is_fast ? RNNE_FAST : RNNE_EXACT;
    const size_t nbytes = rnne_fleet_nbytes(self->model->core, self->num_streams);
    self->memory = nbytes ? PyMem_Malloc(nbytes) : NULL;
    if (!self->memory) {
        PyErr_NoMemory();
        return -1;
    }
    if (rnne_fleet_init(self->memory, nbytes, self->model->core, self->num_streams, numerics,
                        &self->core) == RNNE_OK)
        return 0;
    PyErr_SetString(PyExc_SystemError, "_native: a fleet does not fit the size it asked for");
    return -1;
}

static PyObject *fleet_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    PyObject *model;
    Py_ssize_t num_streams;
    int is_fast;
    if (!PyArg_ParseTuple(args, "O!np", model_type, &model, &num_streams, &is_fast))
        return NULL;
    if (num_streams < 0) {
        PyErr_SetString(PyExc_ValueError, "_native: a fleet of less than no streams");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    fleet_object *self = (fleet_object *)allocate(type, 0);
    if (!self)
        return NULL;
    self->model = (model_object *)Py_NewRef(model);
    self->num_streams = (size_t)num_streams;
    if (make_core(self, is_fast) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static void fleet_dealloc(PyObject *object)
{
    fleet_object *self = (fleet_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->memory);
    Py_XDECREF((PyObject *)self->model);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

/* 0, or -1 with an exception: no stream has the number i, or another thread is inside. */
static int take_row(fleet_object *self, Py_ssize_t i)
{
    if (i >= 0 && (size_t)i < self->num_streams)
        return take_use(&self->use, "Streams");
    PyErr_Format(PyExc_IndexError, "_native: stream %zd of a fleet of %zu", i, self->num_streams);
    return -1;
}

static int step_core(fleet_object *self, const uint32_t *index, size_t num_rows, const float *x,
                     float *y)
{
    if (take_use(&self->use, "Streams") < 0)
        return -1;
    rnne_status status;
    Py_BEGIN_ALLOW_THREADS
    status = rnne_fleet_step(self->core, index, num_rows, x, y);
    Py_END_ALLOW_THREADS
    leave_use(&self->use);
    if (status == RNNE_OK)
        return 0;
    PyErr_Format(PyExc_ValueError, "_native: fleet step: %s", rnne_status_text(status));
    return -1;
}

PyDoc_STRVAR(step_doc, "step($self, x, y, index=None, /)\n--\n\n"
                       "Advance the streams index [n] (uint32, distinct; None: the first n) by "
                       "x [n, I] into y [n, O].");

static PyObject *fleet_step(PyObject *object, PyObject *args)
{
    fleet_object *self = (fleet_object *)object;
    PyObject *x_object, *y_object, *index_object = Py_None;
    Py_buffer x, y, index = {0};
    if (!PyArg_ParseTuple(args, "OO|O", &x_object, &y_object, &index_object))
        return NULL;
    const rnne_info *info = &self->model->info;
    const Py_ssize_t num_rows = get_floats(x_object, &x, (Py_ssize_t)info->input_size, 0);
    if (num_rows < 0)
        return NULL;
    PyObject *done = NULL;
    if (num_rows > 0 && get_exact(y_object, &y, num_rows * (Py_ssize_t)info->output_size, 1) < 0) {
        PyBuffer_Release(&x);
        return NULL;
    }
    const int is_first = index_object == Py_None;
    if (is_first && (size_t)num_rows > self->num_streams)
        PyErr_SetString(PyExc_ValueError, "_native: more rows than streams");
    else if (is_first ||
             get_integers(index_object, &index, num_rows, (Py_ssize_t)sizeof(uint32_t)) == 0) {
        if (num_rows == 0 || step_core(self, index.buf, (size_t)num_rows, x.buf, y.buf) == 0)
            done = Py_NewRef(Py_None);
        if (!is_first)
            PyBuffer_Release(&index);
    }
    PyBuffer_Release(&x);
    if (num_rows > 0)
        PyBuffer_Release(&y);
    return done;
}

PyDoc_STRVAR(reset_doc, "reset($self, i, /)\n--\n\nStream i back to the initial state.");

static PyObject *fleet_reset(PyObject *object, PyObject *number)
{
    fleet_object *self = (fleet_object *)object;
    const Py_ssize_t i = PyLong_AsSsize_t(number);
    if ((i == -1 && PyErr_Occurred()) || take_row(self, i) < 0)
        return NULL;
    rnne_fleet_reset(self->core, (size_t)i);
    leave_use(&self->use);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(get_values_doc, "get_values($self, i, values, /)\n--\n\n"
                             "Copy the state [S] of stream i; the number of steps behind it.");

static PyObject *fleet_get_values(PyObject *object, PyObject *args)
{
    fleet_object *self = (fleet_object *)object;
    Py_ssize_t i;
    PyObject *values_object;
    Py_buffer values;
    if (!PyArg_ParseTuple(args, "nO", &i, &values_object))
        return NULL;
    if (get_exact(values_object, &values, (Py_ssize_t)self->model->info.state_size, 1) < 0)
        return NULL;
    PyObject *num_steps = NULL;
    if (take_row(self, i) == 0) {
        rnne_fleet_values_get(self->core, (size_t)i, values.buf);
        num_steps = PyLong_FromUnsignedLongLong(rnne_fleet_num_steps(self->core, (size_t)i));
        leave_use(&self->use);
    }
    PyBuffer_Release(&values);
    return num_steps;
}

PyDoc_STRVAR(set_values_doc, "set_values($self, i, values, num_steps, /)\n--\n\n"
                             "Set the state [S] of stream i and the number of steps behind it.");

static PyObject *fleet_set_values(PyObject *object, PyObject *args)
{
    fleet_object *self = (fleet_object *)object;
    Py_ssize_t i;
    PyObject *values_object;
    unsigned long long num_steps;
    Py_buffer values;
    if (!PyArg_ParseTuple(args, "nOK", &i, &values_object, &num_steps))
        return NULL;
    if (get_exact(values_object, &values, (Py_ssize_t)self->model->info.state_size, 0) < 0)
        return NULL;
    const int status = take_row(self, i);
    if (status == 0) {
        rnne_fleet_values_set(self->core, (size_t)i, values.buf, num_steps);
        leave_use(&self->use);
    }
    PyBuffer_Release(&values);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

/* ---- many streams at once ---- */

/* The streams of an array of numbers, and the buffer of their states. */
typedef struct many {
    Py_buffer rows, values;
    Py_ssize_t count;
} many;

static void close_many(fleet_object *self, many *m)
{
    leave_use(&self->use);
    PyBuffer_Release(&m->rows);
    PyBuffer_Release(&m->values);
}

/* 0, the fleet in use until close_many(), or -1 with an exception. */
static int open_many(fleet_object *self, PyObject *rows, PyObject *values, int is_writable,
                     many *m)
{
    const Py_ssize_t size = (Py_ssize_t)self->model->info.state_size;
    m->count = get_floats(values, &m->values, size, is_writable);
    if (m->count < 0)
        return -1;
    if (get_integers(rows, &m->rows, m->count, (Py_ssize_t)sizeof(uint32_t)) == 0) {
        const uint32_t *const index = m->rows.buf;
        Py_ssize_t j = 0;
        while (j < m->count && index[j] < self->num_streams)
            j++;
        if (j < m->count)
            PyErr_Format(PyExc_IndexError, "_native: stream %u of a fleet of %zu",
                         (unsigned)index[j], self->num_streams);
        else if (take_use(&self->use, "Streams") == 0)
            return 0;
        PyBuffer_Release(&m->rows);
    }
    PyBuffer_Release(&m->values);
    return -1;
}

PyDoc_STRVAR(get_many_doc, "get_many($self, rows, values, /)\n--\n\n"
                           "Copy the states [n, S] of streams rows [n] (uint32); the numbers of "
                           "steps behind them, as the bytes of n uint64.");

static PyObject *fleet_get_many(PyObject *object, PyObject *args)
{
    fleet_object *self = (fleet_object *)object;
    const size_t size = self->model->info.state_size;
    PyObject *rows, *values;
    many m;
    if (!PyArg_ParseTuple(args, "OO", &rows, &values) || open_many(self, rows, values, 1, &m) < 0)
        return NULL;
    PyObject *const steps = PyBytes_FromStringAndSize(NULL, m.count * 8);
    char *const to = steps ? PyBytes_AsString(steps) : NULL;
    const uint32_t *const index = m.rows.buf;
    for (Py_ssize_t j = 0; to && j < m.count; j++) {
        const uint64_t number = rnne_fleet_num_steps(self->core, index[j]);
        memcpy(to + 8 * j, &number, 8);
        rnne_fleet_values_get(self->core, index[j], (float *)m.values.buf + (size_t)j * size);
    }
    close_many(self, &m);
    return steps;
}

PyDoc_STRVAR(set_many_doc, "set_many($self, rows, values, num_steps, /)\n--\n\n"
                           "Set the states [n, S] of streams rows [n] (uint32, distinct) and the "
                           "numbers of steps behind them, [n] uint64.");

static PyObject *fleet_set_many(PyObject *object, PyObject *args)
{
    fleet_object *self = (fleet_object *)object;
    const size_t size = self->model->info.state_size;
    PyObject *rows, *values, *num_steps;
    Py_buffer steps;
    many m;
    if (!PyArg_ParseTuple(args, "OOO", &rows, &values, &num_steps) ||
        open_many(self, rows, values, 0, &m) < 0)
        return NULL;
    const int status = get_integers(num_steps, &steps, m.count, 8);
    if (status == 0) {
        const uint32_t *const index = m.rows.buf;
        for (Py_ssize_t j = 0; j < m.count; j++)
            rnne_fleet_values_set(self->core, index[j],
                                  (const float *)m.values.buf + (size_t)j * size,
                                  ((const uint64_t *)steps.buf)[j]);
        PyBuffer_Release(&steps);
    }
    close_many(self, &m);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(take_doc, "take($self, other, /)\n--\n\n"
                       "Copy the states of all streams of another fleet of the same model.");

static int take_both(fleet_object *self, fleet_object *other)
{
    if (take_use(&self->use, "Streams") < 0)
        return -1;
    if (take_use(&other->use, "Streams") == 0)
        return 0;
    leave_use(&self->use);
    return -1;
}

static PyObject *fleet_take(PyObject *object, PyObject *source)
{
    fleet_object *self = (fleet_object *)object;
    fleet_object *other = (fleet_object *)source;
    if (Py_TYPE(source) != fleet_type || other == self || other->model != self->model ||
        other->num_streams > self->num_streams) {
        PyErr_SetString(PyExc_ValueError,
                        "_native: take() needs another, smaller fleet of the model");
        return NULL;
    }
    const size_t size = self->model->info.state_size;
    float *values = PyMem_Malloc((size ? size : 1) * sizeof(float));
    if (!values)
        return PyErr_NoMemory();
    if (take_both(self, other) < 0) {
        PyMem_Free(values);
        return NULL;
    }
    for (size_t i = 0; i < other->num_streams; i++) {
        rnne_fleet_values_get(other->core, i, values);
        rnne_fleet_values_set(self->core, i, values, rnne_fleet_num_steps(other->core, i));
    }
    leave_use(&other->use);
    leave_use(&self->use);
    PyMem_Free(values);
    Py_RETURN_NONE;
}

static PyMethodDef fleet_methods[] = {
    {"step", fleet_step, METH_VARARGS, step_doc},
    {"reset", fleet_reset, METH_O, reset_doc},
    {"get_values", fleet_get_values, METH_VARARGS, get_values_doc},
    {"set_values", fleet_set_values, METH_VARARGS, set_values_doc},
    {"get_many", fleet_get_many, METH_VARARGS, get_many_doc},
    {"set_many", fleet_set_many, METH_VARARGS, set_many_doc},
    {"take", fleet_take, METH_O, take_doc},
    {NULL, NULL, 0, NULL},
};

PyObject *make_fleet_type(void)
{
    static PyType_Slot slots[] = {
        {Py_tp_new, (void *)fleet_new},
        {Py_tp_dealloc, (void *)fleet_dealloc},
        {Py_tp_methods, (void *)fleet_methods},
        {Py_tp_doc, "Many series that are stepped together."},
        {0, NULL},
    };
    static PyType_Spec spec = {"rnnedge_runtime._native.Fleet", sizeof(fleet_object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
    PyObject *type = PyType_FromSpec(&spec);
    fleet_type = (PyTypeObject *)type;
    return type;
}
