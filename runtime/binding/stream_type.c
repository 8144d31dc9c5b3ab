/* SPDX-License-Identifier: MIT */
/*
 * Stream(model, ...): the state of one series.  Base of the Python class NativeStream, whose
 * further arguments it leaves alone.
 */
#include "binding.h"

#include <string.h>

static int make_core(stream_object *self)
{
    const rnne_info *info = &self->model->info;
    const size_t num_floats = (size_t)info->input_size + info->output_size;
    const size_t nbytes = rnne_stream_nbytes(self->model->core);
    self->memory = PyMem_Calloc(num_floats * sizeof(float) + nbytes, 1);
    if (!self->memory) {
        PyErr_NoMemory();
        return -1;
    }
    self->x = self->memory;
    self->y = self->x + info->input_size;
    if (rnne_stream_init(self->x + num_floats, nbytes, self->model->core, &self->core) == RNNE_OK)
        return 0;
    PyErr_SetString(PyExc_SystemError, "_native: a stream does not fit the size it asked for");
    return -1;
}

static PyObject *stream_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    (void)kwargs;
    PyObject *model = PyTuple_Size(args) > 0 ? PyTuple_GetItem(args, 0) : NULL;
    if (!model || Py_TYPE(model) != model_type) {
        PyErr_SetString(PyExc_TypeError, "Stream() needs a _native.Model");
        return NULL;
    }
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    stream_object *self = (stream_object *)allocate(type, 0);
    if (!self)
        return NULL;
    self->model = (model_object *)Py_NewRef(model);
    if (make_core(self) < 0) {
        Py_DECREF((PyObject *)self);
        return NULL;
    }
    return (PyObject *)self;
}

static void stream_dealloc(PyObject *object)
{
    stream_object *self = (stream_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->memory);
    PyMem_Free(self->scratch);
    Py_XDECREF((PyObject *)self->model);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

/* A run of many steps lets other threads of the interpreter work; one step is too short. */
static rnne_status advance_core(stream_object *self, const float *x, size_t num_steps, float *y)
{
    if (num_steps == 1)
        return rnne_step(self->core, x, y);
    const size_t scratch_nbytes = rnne_run_scratch_nbytes(self->model->core);
    if (!self->scratch)
        self->scratch = PyMem_Malloc(scratch_nbytes);
    rnne_status status;
    Py_BEGIN_ALLOW_THREADS
    status =
        rnne_run(self->core, x, num_steps, y, self->scratch, self->scratch ? scratch_nbytes : 0);
    Py_END_ALLOW_THREADS
    return status;
}

/* RNNE_OK, with the last output and time kept, or a status and nothing changed. */
static rnne_status advance_in_use(stream_object *self, const float *x, size_t num_steps, float *y,
                                  int64_t last_time)
{
    const rnne_status status = advance_core(self, x, num_steps, y);
    if (status == RNNE_OK) {
        const size_t output_size = self->model->info.output_size;
        memcpy(self->y, y + (num_steps - 1) * output_size, output_size * sizeof(float));
        self->last_time = last_time;
        self->has_output = 1;
    }
    return status;
}

PyDoc_STRVAR(advance_doc,
             "advance($self, x, y, last_time=0, /)\n--\n\n"
             "Advance by the T steps of x [T, I] into y [T, O], both float32 and C-contiguous.\n\n"
             "False, with nothing changed, when a missing reading is rejected.");

static PyObject *stream_advance(PyObject *object, PyObject *args)
{
    stream_object *self = (stream_object *)object;
    PyObject *x_object, *y_object;
    long long last_time = 0;
    Py_buffer x, y;
    if (!PyArg_ParseTuple(args, "OO|L", &x_object, &y_object, &last_time))
        return NULL;
    const rnne_info *info = &self->model->info;
    const Py_ssize_t num_steps = get_floats(x_object, &x, (Py_ssize_t)info->input_size, 0);
    if (num_steps < 0)
        return NULL;
    const Py_ssize_t num_outputs = num_steps * (Py_ssize_t)info->output_size;
    if (num_steps == 0 || get_exact(y_object, &y, num_outputs, 1) < 0) {
        PyBuffer_Release(&x);
        return num_steps == 0 ? Py_NewRef(Py_True) : NULL;
    }
    PyObject *done = NULL;
    if (take_use(&self->use, "Stream") == 0) {
        const rnne_status status =
            advance_in_use(self, x.buf, (size_t)num_steps, y.buf, last_time);
        leave_use(&self->use);
        done = Py_NewRef(status == RNNE_OK ? Py_True : Py_False);
    }
    PyBuffer_Release(&x);
    PyBuffer_Release(&y);
    return done;
}

PyDoc_STRVAR(peek_doc, "peek($self, y, values, /)\n--\n\n"
                       "Copy the last output [O] and the state [S]; the time of the last step, "
                       "None when nothing was stepped.");

static PyObject *stream_peek(PyObject *object, PyObject *args)
{
    stream_object *self = (stream_object *)object;
    PyObject *y_object, *values_object;
    Py_buffer y, values;
    if (!PyArg_ParseTuple(args, "OO", &y_object, &values_object))
        return NULL;
    const rnne_info *info = &self->model->info;
    if (get_exact(y_object, &y, (Py_ssize_t)info->output_size, 1) < 0)
        return NULL;
    if (get_exact(values_object, &values, (Py_ssize_t)info->state_size, 1) < 0) {
        PyBuffer_Release(&y);
        return NULL;
    }
    PyObject *time = NULL;
    if (take_use(&self->use, "Stream") == 0) {
        memcpy(y.buf, self->y, info->output_size * sizeof(float));
        rnne_values_get(self->core, values.buf);
        const int has_output = self->has_output;
        const int64_t last_time = self->last_time;
        leave_use(&self->use);
        time = has_output ? PyLong_FromLongLong(last_time) : Py_NewRef(Py_None);
    }
    PyBuffer_Release(&y);
    PyBuffer_Release(&values);
    return time;
}

PyDoc_STRVAR(set_values_doc, "set_values($self, values, num_steps, /)\n--\n\n"
                             "Set the state [S] and the number of steps behind it.");

static PyObject *stream_set_values(PyObject *object, PyObject *args)
{
    stream_object *self = (stream_object *)object;
    PyObject *values_object;
    unsigned long long num_steps;
    Py_buffer values;
    if (!PyArg_ParseTuple(args, "OK", &values_object, &num_steps))
        return NULL;
    const Py_ssize_t size = (Py_ssize_t)self->model->info.state_size;
    if (get_exact(values_object, &values, size, 0) < 0)
        return NULL;
    const int status = take_use(&self->use, "Stream");
    if (status == 0) {
        rnne_values_set(self->core, values.buf, num_steps);
        self->has_output = 0;
        leave_use(&self->use);
    }
    PyBuffer_Release(&values);
    return status == 0 ? Py_NewRef(Py_None) : NULL;
}

PyDoc_STRVAR(change_values_doc, "change_values($self, values, is_given, /)\n--\n\n"
                                "Set those of the state [S] whose is_given [S] (bytes) is not 0.");

static void change_in_use(stream_object *self, const float *given, const char *is_given,
                          float *values)
{
    rnne_values_get(self->core, values);
    for (size_t k = 0; k < self->model->info.state_size; k++)
        if (is_given[k])
            values[k] = given[k];
    rnne_values_set(self->core, values, rnne_num_steps(self->core));
    self->has_output = 0;
}

static PyObject *stream_change_values(PyObject *object, PyObject *args)
{
    stream_object *self = (stream_object *)object;
    PyObject *given_object, *mask_object;
    Py_buffer given, mask;
    if (!PyArg_ParseTuple(args, "OO", &given_object, &mask_object))
        return NULL;
    const Py_ssize_t size = (Py_ssize_t)self->model->info.state_size;
    if (get_exact(given_object, &given, size, 0) < 0)
        return NULL;
    if (get_integers(mask_object, &mask, size, 1) < 0) {
        PyBuffer_Release(&given);
        return NULL;
    }
    PyObject *done = NULL;
    float *values = PyMem_Malloc((size_t)size * sizeof(float));
    if (!values)
        PyErr_NoMemory();
    else if (take_use(&self->use, "Stream") == 0) {
        change_in_use(self, given.buf, mask.buf, values);
        leave_use(&self->use);
        done = Py_NewRef(Py_None);
    }
    PyMem_Free(values);
    PyBuffer_Release(&given);
    PyBuffer_Release(&mask);
    return done;
}

static PyObject *stream_reset(PyObject *object, PyObject *unused)
{
    (void)unused;
    stream_object *self = (stream_object *)object;
    if (take_use(&self->use, "Stream") < 0)
        return NULL;
    rnne_reset(self->core);
    self->has_output = 0;
    leave_use(&self->use);
    Py_RETURN_NONE;
}

static PyObject *stream_snapshot(PyObject *object, PyObject *unused)
{
    (void)unused;
    stream_object *self = (stream_object *)object;
    const size_t nbytes = rnne_state_nbytes(self->model->core);
    PyObject *blob = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)nbytes);
    if (!blob)
        return NULL;
    if (take_use(&self->use, "Stream") < 0) {
        Py_DECREF(blob);
        return NULL;
    }
    rnne_state_get(self->core, PyBytes_AsString(blob), nbytes);
    leave_use(&self->use);
    return blob;
}

static PyObject *stream_num_steps(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(rnne_num_steps(((stream_object *)object)->core));
}

static PyObject *stream_num_unknown_tokens(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(rnne_num_unknown_tokens(((stream_object *)object)->core));
}

PyDoc_STRVAR(step_doc, "step($self, x, time=None, out=None)\n--\n\n"
                       "Advance by one reading x [F]; the outputs [O], in out when given "
                       "(rnnedge_runtime.Stream.step).");
PyDoc_STRVAR(reset_doc, "reset($self, /)\n--\n\nBack to the initial state.");
PyDoc_STRVAR(snapshot_doc, "snapshot($self, /)\n--\n\nThe state as bytes.");

static PyMethodDef stream_methods[] = {
    {"step", (PyCFunction)(void (*)(void))stream_step, METH_FASTCALL | METH_KEYWORDS, step_doc},
    {"advance", stream_advance, METH_VARARGS, advance_doc},
    {"peek", stream_peek, METH_VARARGS, peek_doc},
    {"set_values", stream_set_values, METH_VARARGS, set_values_doc},
    {"change_values", stream_change_values, METH_VARARGS, change_values_doc},
    {"reset", stream_reset, METH_NOARGS, reset_doc},
    {"snapshot", stream_snapshot, METH_NOARGS, snapshot_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef stream_attributes[] = {
    {"num_steps", stream_num_steps, NULL, "Steps since the initial state.", NULL},
    {"num_unknown_tokens", stream_num_unknown_tokens, NULL,
     "Token ids out of range, which were read as index 0, since the stream was made.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyObject *make_stream_type(void)
{
    static PyType_Slot slots[] = {
        {Py_tp_new, (void *)stream_new},         {Py_tp_dealloc, (void *)stream_dealloc},
        {Py_tp_methods, (void *)stream_methods}, {Py_tp_getset, (void *)stream_attributes},
        {Py_tp_doc, "The state of one series."}, {0, NULL},
    };
    static PyType_Spec spec = {"rnnedge_runtime._native.Stream", sizeof(stream_object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_IMMUTABLETYPE,
                               slots};
    return PyType_FromSpec(&spec);
}
