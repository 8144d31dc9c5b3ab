/* SPDX-License-Identifier: MIT */
/* Tables of text by blocks (binding/text/): the functions of the module. */
#include "binding.h"
#include "text/lines.h"
#include "text/rows_text.h"
#include "text/slots.h"

static double python_float(const char *text)
{
    const double value = PyOS_string_to_double(text, NULL, NULL);
    if (value == -1.0 && PyErr_Occurred()) {
        PyErr_Clear();
        return Py_HUGE_VAL;
    }
    return value;
}

enum { MOST_BUFFERS = 5 };

typedef struct buffers {
    Py_buffer views[MOST_BUFFERS];
    int number;
} buffers;

/* The memory of an array; NULL with an exception where it has less than nbytes, or none. */
static void *open_one(buffers *open, PyObject *object, size_t nbytes, int is_writable)
{
    Py_buffer *view = open->views + open->number;
    const int flags = PyBUF_C_CONTIGUOUS | (is_writable ? PyBUF_WRITABLE : 0);
    if (PyObject_GetBuffer(object, view, flags) < 0)
        return NULL;
    open->number++;
    if ((size_t)view->len >= nbytes)
        return view->buf;
    PyErr_Format(PyExc_ValueError, "_native: buffer has %zd bytes, expected %zu", view->len,
                 nbytes);
    return NULL;
}

static void close_all(buffers *open)
{
    while (open->number > 0)
        PyBuffer_Release(open->views + --open->number);
}

static PyObject *read_lines(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *columns, *times, *readings, *spans;
    const char *data, *marks;
    Py_ssize_t nbytes, num_features, start, most, width;
    int delimiter;
    long long offset_us;
    table_layout layout = {0};
    if (!PyArg_ParseTuple(args,
                          "y#nn(On"
                          "y#iiddLp)OOO",
                          &data, &nbytes, &start, &most, &columns, &width, &marks, &num_features,
                          &delimiter, &layout.time, &layout.unit_us, &layout.origin_us, &offset_us,
                          &layout.has_offset, &times, &readings, &spans))
        return NULL;
    if (start < 0 || start > nbytes || nbytes > INT32_MAX || most < 0 || width < 1)
        return PyErr_Format(PyExc_ValueError, "_native: no such lines: %zd, %zd", start, most);
    const size_t rows = (size_t)most;
    buffers open = {.number = 0};
    layout.columns = open_one(&open, columns, (size_t)width * sizeof(int32_t), 0);
    layout.width = (size_t)width;
    layout.num_features = (size_t)num_features;
    layout.marks = marks;
    layout.delimiter = (char)delimiter;
    layout.offset_us = offset_us;
    line_columns found = {NULL, NULL, NULL};
    PyObject *number = NULL;
    if (layout.columns)
        found.times_us = open_one(&open, times, rows * sizeof(int64_t), 1);
    if (found.times_us)
        found.readings = open_one(&open, readings, rows * layout.num_features * sizeof(float), 1);
    if (found.readings)
        found.spans = open_one(&open, spans, rows * sizeof(line_span), 1);
    for (size_t k = 0; found.spans && k < layout.width; k++)
        if (layout.columns[k] < COLUMN_TIME || layout.columns[k] >= num_features) {
            PyErr_SetString(PyExc_ValueError, "_native: a column is none of the features");
            found.spans = NULL;
        }
    if (found.spans)
        number = PyLong_FromSize_t(
            plain_lines(&layout, data, (size_t)start, (size_t)nbytes, rows, python_float, &found));
    close_all(&open);
    return number;
}

static PyObject *advance_slots(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *times;
    slot_clock clock = {0};
    Py_ssize_t start, stop;
    long long time_us;
    if (!PyArg_ParseTuple(args, "Onn(Ldddd)", &times, &start, &stop, &time_us, &clock.late_us,
                          &clock.period_us, &clock.max_gap_us, &clock.num_periods))
        return NULL;
    if (start < 0 || stop < start)
        return PyErr_Format(PyExc_ValueError, "_native: no such rows: %zd, %zd", start, stop);
    clock.time_us = time_us;
    buffers open = {.number = 0};
    const int64_t *times_us = open_one(&open, times, (size_t)stop * sizeof(int64_t), 0);
    PyObject *found = NULL;
    if (times_us) {
        const size_t number = next_slots(&clock, times_us + start, (size_t)(stop - start));
        found = Py_BuildValue("(nLddnn)", (Py_ssize_t)number, (long long)clock.time_us,
                              clock.late_us, clock.num_periods, (Py_ssize_t)clock.num_off,
                              (Py_ssize_t)clock.first_off);
    }
    close_all(&open);
    return found;
}

static PyObject *text_of(const forecast_rows *rows, const plain_range *plain)
{
    char *text = PyMem_Malloc(most_text(rows) + 1);
    if (!text)
        return PyErr_NoMemory();
    const size_t nbytes = rows_text(rows, plain, text);
    PyObject *found = PyUnicode_DecodeASCII(text, (Py_ssize_t)nbytes, "strict");
    PyMem_Free(text);
    return found;
}

static PyObject *write_rows(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *spans, *values;
    const char *data;
    Py_ssize_t nbytes, num_rows, num_values;
    plain_range plain;
    if (!PyArg_ParseTuple(args, "z#OOnnff", &data, &nbytes, &spans, &values, &num_rows,
                          &num_values, &plain.low, &plain.high))
        return NULL;
    buffers open = {.number = 0};
    const size_t stamp_nbytes = data ? sizeof(line_span) : sizeof(int64_t);
    forecast_rows rows = {
        .data = data, .num_rows = (size_t)num_rows, .num_values = (size_t)num_values};
    const void *stamps = open_one(&open, spans, rows.num_rows * stamp_nbytes, 0);
    if (stamps)
        rows.values = open_one(&open, values, rows.num_rows * rows.num_values * sizeof(float), 0);
    rows.spans = data ? stamps : NULL;
    rows.numbers = data ? NULL : stamps;
    int is_within = rows.values != NULL;
    for (size_t k = 0; data && is_within && k < rows.num_rows; k++)
        is_within = rows.spans[k].stamp_start >= 0 &&
                    rows.spans[k].stamp_start <= rows.spans[k].stamp_end &&
                    rows.spans[k].stamp_end <= nbytes;
    PyObject *text = NULL;
    if (is_within)
        text = text_of(&rows, &plain);
    else if (!PyErr_Occurred())
        PyErr_SetString(PyExc_ValueError, "_native: a time cell is outside the data");
    close_all(&open);
    return text;
}

PyDoc_STRVAR(read_lines_doc,
             "read_lines(data, start, most, layout, times, readings, spans, /)\n--\n\n"
             "Read plain lines of data from the byte start on; how many they are.");
PyDoc_STRVAR(advance_slots_doc,
             "advance_slots(times, start, stop, clock, /)\n--\n\n"
             "How many of the rows start to stop are each one slot after the one before, and the "
             "clock after them.");
PyDoc_STRVAR(write_rows_doc,
             "write_rows(data, stamps, values, num_rows, num_values, low, high, /)\n--\n\n"
             "Rows of forecasts as lines of CSV.");

PyMethodDef text_functions[] = {
    {"read_lines", read_lines, METH_VARARGS, read_lines_doc},
    {"advance_slots", advance_slots, METH_VARARGS, advance_slots_doc},
    {"write_rows", write_rows, METH_VARARGS, write_rows_doc},
    {NULL, NULL, 0, NULL},
};
