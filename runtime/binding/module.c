/* SPDX-License-Identifier: MIT */
#include "binding.h"

static int add_type(PyObject *module, const char *name, PyObject *(*make)(void))
{
    PyObject *type = make();
    const int status = type ? PyModule_AddObjectRef(module, name, type) : -1;
    Py_XDECREF(type);
    return status;
}

static int exec_module(PyObject *module)
{
    if (numpy_abi_init() < 0 || init_step() < 0)
        return -1;
    if (add_type(module, "Model", make_model_type) < 0 ||
        add_type(module, "Stream", make_stream_type) < 0 ||
        add_type(module, "Fleet", make_fleet_type) < 0)
        return -1;
    PyObject *knows_numpy = rnne_numpy.array_type ? Py_True : Py_False;
    if (PyModule_AddObjectRef(module, "knows_numpy", knows_numpy) < 0)
        return -1;
    return PyModule_AddStringConstant(module, "version", RNNE_VERSION);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, (void *)exec_module},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "rnnedge_runtime._native",
    .m_doc = "The C engine (runtime/core): private; use rnnedge_runtime.load.",
    .m_methods = text_functions,
    .m_slots = slots,
};

PyMODINIT_FUNC PyInit__native(void);

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
