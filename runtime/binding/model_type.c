/* SPDX-License-Identifier: MIT */
/* Model(content, where, isa=0): a loaded .rnne file, shared by streams, fleets and threads. */
#include "binding.h"

PyTypeObject *model_type;

static int load(model_object *self, const Py_buffer *file, rnne_isa isa, rnne_error *error)
{
    size_t nbytes;
    if (rnne_model_nbytes(file->buf, (size_t)file->len, &nbytes, error) != RNNE_OK)
        return -1;
    self->memory = PyMem_Malloc(nbytes);
    if (!self->memory) {
        PyErr_NoMemory();
        return -1;
    }
    if (rnne_model_init(self->memory, nbytes, file->buf, (size_t)file->len, isa, &self->core,
                        error) != RNNE_OK)
        return -1;
    rnne_model_info(self->core, &self->info);
    return 0;
}

static PyObject *model_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    Py_buffer file;
    const char *where;
    int isa = RNNE_ISA_AUTO;
    char *names[] = {"content", "where", "isa", NULL};
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "y*s|i", names, &file, &where, &isa))
        return NULL;
    allocfunc allocate = (allocfunc)PyType_GetSlot(type, Py_tp_alloc);
    model_object *self = (model_object *)allocate(type, 0);
    rnne_error error = {RNNE_OK, 0};
    if (self && load(self, &file, (rnne_isa)isa, &error) < 0) {
        if (!PyErr_Occurred())
            raise_file(where, &error);
        Py_DECREF((PyObject *)self);
        self = NULL;
    }
    PyBuffer_Release(&file);
    return (PyObject *)self;
}

static void model_dealloc(PyObject *object)
{
    model_object *self = (model_object *)object;
    PyTypeObject *type = Py_TYPE(object);
    PyMem_Free(self->memory);
    freefunc release = (freefunc)PyType_GetSlot(type, Py_tp_free);
    release(object);
    Py_DECREF((PyObject *)type);
}

PyDoc_STRVAR(time_features_doc,
             "time_features($self, times, x, /)\n--\n\n"
             "Write the derived columns of times [T] int64 into x [T, I], after the features.");

static PyObject *model_time_features(PyObject *object, PyObject *args)
{
    const model_object *self = (const model_object *)object;
    PyObject *times_object, *x_object;
    Py_buffer times, x;
    if (!PyArg_ParseTuple(args, "OO", &times_object, &x_object))
        return NULL;
    const Py_ssize_t input_size = (Py_ssize_t)self->info.input_size;
    const Py_ssize_t num_rows = get_floats(x_object, &x, input_size, 1);
    if (num_rows < 0)
        return NULL;
    if (get_integers(times_object, &times, num_rows, (Py_ssize_t)sizeof(int64_t)) < 0) {
        PyBuffer_Release(&x);
        return NULL;
    }
    const int64_t *time = times.buf;
    float *row = (float *)x.buf + self->info.num_features;
    for (Py_ssize_t t = 0; t < num_rows; t++, row += input_size)
        rnne_time_features(self->core, time[t], row);
    PyBuffer_Release(&times);
    PyBuffer_Release(&x);
    Py_RETURN_NONE;
}

PyDoc_STRVAR(self_test_doc, "self_test($self, content, /)\n--\n\n"
                            "The first recorded step of the file that comes out otherwise; None "
                            "when all come out bit for bit.");

static PyObject *model_self_test(PyObject *object, PyObject *content)
{
    const model_object *self = (const model_object *)object;
    Py_buffer file;
    if (PyObject_GetBuffer(content, &file, PyBUF_SIMPLE) < 0)
        return NULL;
    const size_t nbytes = rnne_stream_nbytes(self->core);
    void *memory = PyMem_Malloc(nbytes);
    rnne_error error = {RNNE_OK, 0};
    rnne_status status = RNNE_OK;
    if (memory)
        status = rnne_self_test(self->core, file.buf, (size_t)file.len, memory, nbytes, &error);
    PyBuffer_Release(&file);
    if (!memory)
        return PyErr_NoMemory();
    PyMem_Free(memory);
    if (status == RNNE_MISMATCH)
        return PyLong_FromSize_t(error.offset);
    if (status == RNNE_OK)
        Py_RETURN_NONE;
    raise_file("self-test", &error);
    return NULL;
}

static PyObject *model_isa(PyObject *object, void *closure)
{
    (void)closure;
    return PyUnicode_FromString(rnne_isa_text(((model_object *)object)->info.isa));
}

static PyObject *model_state_size(PyObject *object, void *closure)
{
    (void)closure;
    return PyLong_FromSize_t(((model_object *)object)->info.state_size);
}

/* Names, places and sizes of the state tensors, in order. */
static PyObject *model_state_entries(PyObject *object, void *closure)
{
    (void)closure;
    const model_object *self = (const model_object *)object;
    PyObject *entries = PyTuple_New((Py_ssize_t)self->info.num_tensors);
    rnne_tensor tensor;
    for (uint32_t k = 0; entries && k < self->info.num_tensors; k++) {
        rnne_state_entry(self->core, k, &tensor);
        PyObject *entry =
            Py_BuildValue("(snn)", tensor.name, (Py_ssize_t)tensor.at, (Py_ssize_t)tensor.size);
        if (!entry || PyTuple_SetItem(entries, (Py_ssize_t)k, entry) < 0)
            Py_CLEAR(entries);
    }
    return entries;
}

static PyMethodDef model_methods[] = {
    {"time_features", model_time_features, METH_VARARGS, time_features_doc},
    {"self_test", model_self_test, METH_O, self_test_doc},
    {NULL, NULL, 0, NULL},
};

static PyGetSetDef model_attributes[] = {
    {"isa", model_isa, NULL, "Name of the instruction set it runs on.", NULL},
    {"state_size", model_state_size, NULL, "Floats of state of one stream.", NULL},
    {"state_entries", model_state_entries, NULL,
     "Name, first float and number of floats of each state tensor.", NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

PyObject *make_model_type(void)
{
    static PyType_Slot slots[] = {
        {Py_tp_new, (void *)model_new},
        {Py_tp_dealloc, (void *)model_dealloc},
        {Py_tp_methods, (void *)model_methods},
        {Py_tp_getset, (void *)model_attributes},
        {Py_tp_doc, "A loaded .rnne file; threads may share it."},
        {0, NULL},
    };
    static PyType_Spec spec = {"rnnedge_runtime._native.Model", sizeof(model_object), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE, slots};
    PyObject *type = PyType_FromSpec(&spec);
    model_type = (PyTypeObject *)type;
    return type;
}
