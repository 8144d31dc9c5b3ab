/* SPDX-License-Identifier: MIT */
#include "numpy_abi.h"

/* Places in the table (numpy/__multiarray_api.h). */
enum { API_ABI_VERSION = 0, API_ARRAY_TYPE = 2, API_NEW_FROM_DESCR = 94 };
enum { ABI_VERSION_1 = 0x01000009, ABI_VERSION_2 = 0x02000000 };
enum { PROBE_SIZE = 3 };

numpy_abi rnne_numpy;

static PyObject *dtype_of(PyObject *numpy, const char *name)
{
    return PyObject_CallMethod(numpy, "dtype", "s", name);
}

static void **function_table(void)
{
    const char *homes[] = {"numpy._core._multiarray_umath", "numpy.core._multiarray_umath"};
    for (size_t k = 0; k < 2; k++) {
        PyObject *home = PyImport_ImportModule(homes[k]);
        PyObject *capsule = home ? PyObject_GetAttrString(home, "_ARRAY_API") : NULL;
        void **table = capsule ? PyCapsule_GetPointer(capsule, NULL) : NULL;
        Py_XDECREF(capsule);
        Py_XDECREF(home);
        PyErr_Clear();
        if (table)
            return table;
    }
    return NULL;
}

/* Whether Python says of an array what its fields say. */
static int fields_are_right(PyObject *object)
{
    const array_fields *array = (const array_fields *)object;
    PyObject *interface = PyObject_GetAttrString(object, "__array_interface__");
    PyObject *data = interface ? PyDict_GetItemString(interface, "data") : NULL;
    PyObject *address = data ? PyTuple_GetItem(data, 0) : NULL;
    PyObject *dtype = PyObject_GetAttrString(object, "dtype");
    const int is_right =
        address && PyLong_AsVoidPtr(address) == array->data && dtype == rnne_numpy.float32 &&
        array->dtype == dtype && array->num_axes == 1 && array->shape[0] == PROBE_SIZE &&
        array->strides[0] == (Py_ssize_t)sizeof(float) &&
        (array->flags & (ARRAY_C_CONTIGUOUS | ARRAY_ALIGNED)) && (array->flags & ARRAY_WRITEABLE);
    Py_XDECREF(interface);
    Py_XDECREF(dtype);
    PyErr_Clear();
    return is_right;
}

static int writeable_bit_is_right(PyObject *object)
{
    PyObject *done = PyObject_CallMethod(object, "setflags", "i", 0);
    const int flags = ((const array_fields *)object)->flags;
    Py_XDECREF(done);
    PyErr_Clear();
    return done && !(flags & ARRAY_WRITEABLE) && (flags & ARRAY_C_CONTIGUOUS);
}

static void adopt_table(PyObject *array_type)
{
    void **table = function_table();
    if (!table)
        return;
    unsigned (*abi_version)(void) = NULL;
    *(void **)&abi_version = table[API_ABI_VERSION];
    const unsigned version = abi_version();
    if ((version != ABI_VERSION_1 && version != ABI_VERSION_2) ||
        table[API_ARRAY_TYPE] != (void *)array_type)
        return;
    *(void **)&rnne_numpy.new_array = table[API_NEW_FROM_DESCR];
    rnne_numpy.array_type = (PyTypeObject *)Py_NewRef(array_type);
    PyObject *probe = new_float32(PROBE_SIZE);
    if (!probe || Py_TYPE(probe) != rnne_numpy.array_type || !fields_are_right(probe) ||
        !writeable_bit_is_right(probe)) {
        rnne_numpy.new_array = NULL;
        rnne_numpy.array_type = NULL;
    }
    Py_XDECREF(probe);
    PyErr_Clear();
}

int numpy_abi_init(void)
{
    PyObject *numpy = PyImport_ImportModule("numpy");
    if (!numpy)
        return -1;
    rnne_numpy.float32 = dtype_of(numpy, "float32");
    rnne_numpy.float64 = dtype_of(numpy, "float64");
    rnne_numpy.empty = PyObject_GetAttrString(numpy, "empty");
    PyObject *array_type = PyObject_GetAttrString(numpy, "ndarray");
    Py_DECREF(numpy);
    if (!rnne_numpy.float32 || !rnne_numpy.float64 || !rnne_numpy.empty || !array_type)
        return -1;
    adopt_table(array_type);
    Py_DECREF(array_type);
    return 0;
}

PyObject *new_float32(Py_ssize_t size)
{
    if (!rnne_numpy.new_array)
        return PyObject_CallFunction(rnne_numpy.empty, "nO", size, rnne_numpy.float32);
    Py_INCREF(rnne_numpy.float32); /* PyArray_NewFromDescr takes it over */
    return rnne_numpy.new_array(rnne_numpy.array_type, rnne_numpy.float32, 1, &size, NULL, NULL, 0,
                                NULL);
}
