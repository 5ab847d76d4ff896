/* SPDX-License-Identifier: MIT */
/* Transactions: Transaction of the Python module collects the operations, this commits them. */
#include "batch.h"

#include <errno.h>

/* A copy of a dict, which is valid as long as the list: codecs and other threads may change the
 * original while operations use its values. A borrowed reference, or NULL with an exception. */
static PyObject *keep_copy(PyObject *dict, PyObject *list)
{
    PyObject *copy = PyDict_Copy(dict);

    if (copy && PyList_Append(list, copy) < 0)
        Py_CLEAR(copy);
    Py_XDECREF(copy);
    return copy;
}

/* Reads the operations, each a tuple (kind, arguments, keywords) as that module makes them. The
 * caller releases the *count operations that were read. They borrow references from the tuples and
 * from the list, which is filled here. */
static int read_operations(struct store *store, PyObject *tuples, PyObject *list,
                           struct operation *operations, Py_ssize_t *count)
{
    for (*count = 0; *count < PyTuple_Size(tuples);) {
        PyObject *arguments, *keywords;
        int kind;

        if (!PyArg_ParseTuple(PyTuple_GetItem(tuples, *count), "iO!O!", &kind, &PyTuple_Type,
                              &arguments, &PyDict_Type, &keywords))
            return -1;
        keywords = keep_copy(keywords, list);
        if (!keywords)
            return -1;
        if (read_operation(store, (enum operation_kind)kind, arguments, keywords,
                           &operations[(*count)++]) < 0)
            return -1;
    }
    return 0;
}

static PyObject *entry_of(struct store *store, const struct moddb_op_result *result)
{
    struct moddb_info info = MODDB_INIT(info);

    if (result->status == -ENOENT)
        Py_RETURN_NONE;
    info.version = result->version;
    info.mtime_ns = result->mtime_ns;
    info.ttl_ms = result->ttl_ms;
    info.uid = result->uid;
    info.pid = result->pid;
    info.flags = result->flags;
    return store_entry(store, decode_value(&store->codec, result->value, result->value_length),
                       &info);
}

static PyObject *result_of(struct store *store, const struct batch *batch, size_t index,
                           enum operation_kind kind)
{
    struct moddb_op_result result = MODDB_INIT(result);

    moddb_batch_result(batch->operations, index, &result);
    switch (kind) {
    case OPERATION_GET:
        return entry_of(store, &result);
    case OPERATION_SET:
        return PyLong_FromUnsignedLongLong(result.version);
    case OPERATION_INCR:
        return PyLong_FromLongLong(result.number);
    case OPERATION_DELETE:
    case OPERATION_TOUCH:
        return PyBool_FromLong(result.status == 0);
    case OPERATION_CHECK:
        break;
    }
    Py_RETURN_NONE;
}

static PyObject *results_of(struct store *store, const struct batch *batch,
                            const struct operation *operations, Py_ssize_t count)
{
    PyObject *list = PyList_New(count);

    for (Py_ssize_t i = 0; list && i < count; i++) {
        PyObject *item = result_of(store, batch, (size_t)i, operations[i].kind);

        if (!item || PyList_SetItem(list, i, item) < 0)
            Py_CLEAR(list);
    }
    return list;
}

static PyObject *commit(struct store *store, const struct batch *batch,
                        const struct operation *operations, Py_ssize_t count, bool ephemeral)
{
    size_t failed;
    PyThreadState *thread = PyEval_SaveThread();
    const int error = moddb_batch_commit(batch->operations, &failed);

    PyEval_RestoreThread(thread);
    if (error == 0) {
        batch->session->holds_ephemeral |= ephemeral;
        return results_of(store, batch, operations, count);
    }
    if (failed < (size_t)count)
        return batch_failed(store, batch, failed, operations[failed].key_object);
    return store_failed(store, batch->session, error, NULL);
}

static PyObject *run(struct store *store, const struct operation *operations, Py_ssize_t count)
{
    PyObject *result = NULL;
    struct batch batch;
    bool ephemeral = false;
    Py_ssize_t i;

    for (i = 0; i < count; i++)
        ephemeral |= is_ephemeral(&operations[i]);
    if (open_batch(store, ephemeral, &batch) < 0)
        return NULL;
    for (i = 0; i < count && add_to_batch(store, &batch, &operations[i]) == 0; i++)
        ;
    if (i == count)
        result = commit(store, &batch, operations, count, ephemeral);
    close_batch(&batch);
    return result;
}

PyObject *store_commit(PyObject *self, PyObject *given)
{
    struct store *store = (struct store *)self;
    PyObject *tuples = PySequence_Tuple(given);
    PyObject *list = PyList_New(0);
    struct operation *operations;
    PyObject *result = NULL;
    Py_ssize_t count = 0;

    if (!tuples || !list) {
        Py_XDECREF(tuples);
        Py_XDECREF(list);
        return NULL;
    }
    operations = PyMem_Calloc((size_t)PyTuple_Size(tuples) + 1, sizeof(*operations));
    if (!operations)
        PyErr_NoMemory();
    else if (read_operations(store, tuples, list, operations, &count) == 0)
        result = run(store, operations, count);
    while (count > 0)
        release_operation(&operations[--count]);
    PyMem_Free(operations);
    Py_DECREF(list);
    Py_DECREF(tuples);
    return result;
}
