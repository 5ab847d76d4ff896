/* SPDX-License-Identifier: MIT */
/* Reads of many keys in few calls. */
#include "store.h"

#include <errno.h>
#include <string.h>

/* Keys of one call of the library, and the bytes that each value has room for at first. */
#define GROUP 64
#define ROOM 512

struct group {
    struct moddb_read reads[GROUP];
    struct held keys[GROUP];
    char values[GROUP][ROOM];
};

static int hold_keys(struct store *store, PyObject *keys, Py_ssize_t first, Py_ssize_t count,
                     struct group *group)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        struct held *held = &group->keys[i];

        if (hold_key(&store->codec, PyList_GetItem(keys, first + i), held) < 0)
            return -1;
        group->reads[i] = (struct moddb_read){.size = sizeof(group->reads[i]),
                                              .key = held->data,
                                              .key_length = held->length,
                                              .value = group->values[i],
                                              .value_size = ROOM};
    }
    return 0;
}

static int read_group(struct store *store, struct group *group, Py_ssize_t count)
{
    struct session *session = store_session(store, false);
    PyThreadState *thread;
    int error;

    if (!session)
        return -1;
    if (session->reads_window) {
        error = moddb_get_many(session->handle, group->reads, (size_t)count);
        if (error)
            store_failed(store, session, error, NULL);
        return error ? -1 : 0;
    }
    thread = session_enter(session);
    error = moddb_get_many(session->handle, group->reads, (size_t)count);
    PyEval_RestoreThread(thread);
    if (error)
        store_failed(store, session, error, NULL);
    session_leave(session);
    return error ? -1 : 0;
}

static int add_values(struct store *store, PyObject *keys, Py_ssize_t first, Py_ssize_t count,
                      const struct group *group, PyObject *result)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        const struct moddb_read *read = &group->reads[i];
        PyObject *key = PyList_GetItem(keys, first + i);
        PyObject *value;
        int failed;

        if (read->status == -ENOENT)
            continue;
        /* A single read has the rest of a long value, or the message of a failure. */
        if (read->status == 0)
            value = decode_value(&store->codec, read->value, read->value_length);
        else
            value = store_read(store, key, NULL);
        if (!value && PyErr_Occurred())
            return -1;
        if (!value)
            continue;
        failed = PyDict_SetItem(result, key, value);
        Py_DECREF(value);
        if (failed)
            return -1;
    }
    return 0;
}

static int add_group(struct store *store, PyObject *keys, Py_ssize_t first, Py_ssize_t count,
                     struct group *group, PyObject *result)
{
    int error;

    memset(group->keys, 0, sizeof(group->keys[0]) * (size_t)count);
    error = hold_keys(store, keys, first, count, group);
    if (!error)
        error = read_group(store, group, count);
    if (!error)
        error = add_values(store, keys, first, count, group, result);
    for (Py_ssize_t i = 0; i < count; i++)
        release_held(&group->keys[i]);
    return error;
}

PyObject *store_get_many(PyObject *self, PyObject *keys)
{
    /* A list of its own, which nobody can change meanwhile. */
    PyObject *list = PySequence_List(keys);
    PyObject *result = PyDict_New();
    struct group *group = PyMem_Malloc(sizeof(*group));
    int error = 0;

    if (!list || !result || !group) {
        if (!group)
            PyErr_NoMemory();
        error = -1;
    }
    for (Py_ssize_t first = 0; !error && first < PyList_Size(list); first += GROUP) {
        const Py_ssize_t rest = PyList_Size(list) - first;

        error = add_group((struct store *)self, list, first, rest < GROUP ? rest : GROUP, group,
                          result);
    }
    PyMem_Free(group);
    Py_XDECREF(list);
    if (error)
        Py_CLEAR(result);
    return result;
}
