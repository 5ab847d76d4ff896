/* SPDX-License-Identifier: MIT */
/* Writes of many keys in few calls. */
#include "batch.h"

/* One entry of set_many(). */
static int add_item(struct store *store, struct batch *batch, PyObject *item, uint64_t ttl_ms)
{
    struct operation operation = {.kind = OPERATION_SET,
                                  .key_object = PyTuple_GetItem(item, 0),
                                  .options = MODDB_INIT(operation.options)};
    int result = -1;

    operation.options.ttl_ms = ttl_ms;
    if (operation.key_object &&
        hold_key(&store->codec, operation.key_object, &operation.key) == 0 &&
        hold_value(&store->codec, PyTuple_GetItem(item, 1), &operation.value) == 0)
        result = add_to_batch(store, batch, &operation);
    release_operation(&operation);
    return result;
}

/* Raises the first failure of the batch, whose operations are those of the items. */
static int check_results(struct store *store, const struct batch *batch, PyObject *items)
{
    for (size_t i = 0; i < moddb_batch_count(batch->operations); i++) {
        struct moddb_op_result result = MODDB_INIT(result);

        moddb_batch_result(batch->operations, i, &result);
        if (result.status < 0) {
            batch_failed(store, batch, i, PyTuple_GetItem(PyList_GetItem(items, (Py_ssize_t)i), 0));
            return -1;
        }
    }
    return 0;
}

static int run_batch(struct store *store, const struct batch *batch, PyObject *items)
{
    PyThreadState *thread = PyEval_SaveThread();
    const int error = moddb_batch_run(batch->operations);

    PyEval_RestoreThread(thread);
    if (error < 0) {
        store_failed(store, batch->session, error, NULL);
        return -1;
    }
    return check_results(store, batch, items);
}

/* Fills the batch. */
static int add_items(struct store *store, struct batch *batch, PyObject *items, uint64_t ttl_ms)
{
    for (Py_ssize_t i = 0; i < PyList_Size(items); i++) {
        PyObject *item = PyList_GetItem(items, i);

        if (!PyTuple_Check(item) || PyTuple_Size(item) != 2) {
            PyErr_SetString(PyExc_TypeError, "items() must give pairs");
            return -1;
        }
        if (add_item(store, batch, item, ttl_ms) < 0)
            return -1;
    }
    return 0;
}

PyObject *store_set_many(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"items", "ttl", NULL};
    struct store *store = (struct store *)self;
    PyObject *mapping, *ttl = NULL, *items;
    uint64_t ttl_ms;
    struct batch batch;
    int error = -1;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$O:set_many", names, &mapping, &ttl) ||
        read_ttl(ttl, &ttl_ms) < 0)
        return NULL;
    items = PyMapping_Items(mapping);
    if (items && open_batch(store, false, &batch) == 0) {
        error = add_items(store, &batch, items, ttl_ms);
        if (!error)
            error = run_batch(store, &batch, items);
        close_batch(&batch);
    }
    Py_XDECREF(items);
    if (error)
        return NULL;
    Py_RETURN_NONE;
}
