/* SPDX-License-Identifier: MIT */
/* Reads of many keys: one by one through the window, else in few calls. */
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
    thread = session_enter(session);
    error = moddb_get_many(session->handle, group->reads, (size_t)count);
    PyEval_RestoreThread(thread);
    if (error)
        store_failed(store, session, error, NULL);
    session_leave(session);
    return error ? -1 : 0;
}

/* Adds an entry to the result, unless there is no value; takes its reference. */
static int add_value(PyObject *result, PyObject *key, PyObject *value)
{
    int failed;

    if (!value)
        return PyErr_Occurred() ? -1 : 0;
    failed = PyDict_SetItem(result, key, value);
    Py_DECREF(value);
    return failed;
}

static int add_values(struct store *store, PyObject *keys, Py_ssize_t first, Py_ssize_t count,
                      const struct group *group, PyObject *result)
{
    for (Py_ssize_t i = 0; i < count; i++) {
        const struct moddb_read *read = &group->reads[i];
        PyObject *key = PyList_GetItem(keys, first + i);
        PyObject *value;

        if (read->status == -ENOENT)
            continue;
        /* A single read has the rest of a long value, or the message of a failure. */
        if (read->status == 0)
            value = decode_value(&store->codec, read->value, read->value_length);
        else
            value = store_read(store, key, NULL);
        if (add_value(result, key, value) < 0)
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

static int add_groups(struct store *store, PyObject *keys, PyObject *result)
{
    struct group *group = PyMem_Malloc(sizeof(*group));
    int error = 0;

    if (!group) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t first = 0; !error && first < PyList_Size(keys); first += GROUP) {
        const Py_ssize_t rest = PyList_Size(keys) - first;

        error = add_group(store, keys, first, rest < GROUP ? rest : GROUP, group, result);
    }
    PyMem_Free(group);
    return error;
}

/* Through the window there is no call to be saved by reading keys together, but all the rest of a
 * single read is.  Codecs and keys may run Python code, which may close the database. */
static int add_each(struct store *store, struct session *session, PyObject *keys, PyObject *result)
{
    const Py_ssize_t count = PyList_Size(keys);
    struct held held = HELD_NONE;
    char buffer[ROOM];
    int error = 0;

    ++session->users;
    for (Py_ssize_t i = 0; !error && i < count; i++) {
        PyObject *key = PyList_GetItem(keys, i), *value = NULL;
        size_t length = sizeof(buffer);

        error = hold_key(&store->codec, key, &held);
        if (error)
            break;
        switch (moddb_get(session->handle, held.data, held.length, buffer, &length, NULL)) {
        case 0:
            value = decode_value(&store->codec, buffer, length);
            break;
        case -ENOENT:
            break;
        default: /* as above */
            value = store_read(store, key, NULL);
        }
        release_held(&held);
        error = add_value(result, key, value);
    }
    session_put(session);
    return error;
}

PyObject *store_get_many(PyObject *self, PyObject *keys)
{
    struct store *store = (struct store *)self;
    /* A list of its own, which nobody can change meanwhile. */
    PyObject *list = PySequence_List(keys);
    struct session *session = list ? store_session(store, false) : NULL;
    PyObject *result = session ? PyDict_New() : NULL;
    int error = 0;

    if (result)
        error = session->reads_window ? add_each(store, session, list, result)
                                      : add_groups(store, list, result);
    Py_XDECREF(list);
    if (error)
        Py_CLEAR(result);
    return result;
}
