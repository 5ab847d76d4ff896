/* SPDX-License-Identifier: MIT */
/* Writes that atomically return the value that they replace or delete. */
#include "write.h"

/* Longer values need a second call. */
#define SHORT_VALUE 4096

/* Runs the operation with a buffer that is long enough for the previous value: the initial one, or
 * *memory.  0, or -1 with an exception. */
static int run(struct store *store, const struct operation *operation,
               struct moddb_previous *previous, void **memory)
{
    struct outcome outcome = {.previous = previous};
    int result;

    while ((result = run_operation(store, operation, &outcome)) > 0) {
        void *longer = PyMem_Realloc(*memory, previous->value_length);

        if (!longer) {
            PyErr_NoMemory();
            return -1;
        }
        *memory = longer;
        previous->value = longer;
        previous->value_size = previous->value_length;
    }
    return result;
}

static PyObject *value_of(const struct store *store, const struct moddb_previous *previous)
{
    if (!previous->version)
        Py_RETURN_NONE;
    return decode_value(&store->codec, previous->value, previous->value_length);
}

static PyObject *replace(PyObject *self, enum operation_kind kind, PyObject *arguments,
                         PyObject *keywords)
{
    struct store *store = (struct store *)self;
    char buffer[SHORT_VALUE];
    struct moddb_previous previous = MODDB_INIT(previous);
    struct operation operation;
    void *memory = NULL;
    PyObject *value = NULL;

    previous.value = buffer;
    previous.value_size = sizeof(buffer);
    if (read_operation(store, kind, arguments, keywords, &operation) == 0 &&
        run(store, &operation, &previous, &memory) == 0)
        value = value_of(store, &previous);
    release_operation(&operation);
    PyMem_Free(memory);
    return value;
}

PyObject *store_swap(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    return replace(self, OPERATION_SET, arguments, keywords);
}

PyObject *store_take(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    return replace(self, OPERATION_DELETE, arguments, keywords);
}
