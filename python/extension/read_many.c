/* SPDX-License-Identifier: MIT */
/* Reads many keys: one by one through the window, else in few calls. */
#include "store.h"

#include <errno.h>
#include <string.h>

/* Keys of one call of the library, and the bytes that each value has room for at first. */
#define GROUP 64
#define ROOM 512

/* A dict with more entries has at least as many slots as the roomy one. */
#define ROOMY_FROM 42

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
        /* A single read returns a long value, or raises the failure with its message. */
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
    /* A list that no other thread can change while this one is in the kernel. */
    PyObject *own = PyList_GetSlice(keys, 0, PyList_Size(keys));
    int error = own ? 0 : -1;

    if (!group) {
        PyErr_NoMemory();
        error = -1;
    }
    for (Py_ssize_t first = 0; !error && first < PyList_Size(own); first += GROUP) {
        const Py_ssize_t rest = PyList_Size(own) - first;

        error = add_group(store, own, first, rest < GROUP ? rest : GROUP, group, result);
    }
    Py_XDECREF(own);
    PyMem_Free(group);
    return error;
}

/* A value is read straight into the object that it becomes if it has the length of the previous
 * one. */
struct spare {
    PyObject *bytes; /* or NULL */
    size_t length;   /* of it, or of the next one; 0 if it is not known yet */
};

/* As store_read(), for the rare cases: the first value, longer ones, failures. */
static PyObject *read_rest(struct store *store, PyObject *key, struct spare *spare)
{
    PyObject *value;

    PyErr_Clear();
    Py_CLEAR(spare->bytes);
    value = store_read(store, key, NULL);
    if (value && PyBytes_Size(value) <= ROOM)
        spare->length = (size_t)PyBytes_Size(value);
    return value;
}

static PyObject *read_bytes(struct store *store, struct session *session, PyObject *key,
                            struct spare *spare)
{
    const char *name = PyBytes_AsString(key);
    size_t length = spare->length;
    PyObject *value;
    char *data;

    if (!name || !length)
        return read_rest(store, key, spare);
    if (!spare->bytes)
        spare->bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)length);
    if (!spare->bytes)
        return NULL;
    data = PyBytes_AsString(spare->bytes);
    switch (moddb_get(session->handle, name, (size_t)Py_SIZE(key), data, &length, NULL)) {
    case 0:
        if (length != spare->length)
            return PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
        value = spare->bytes;
        spare->bytes = NULL;
        return value;
    case -ENOENT:
        return NULL;
    default:
        return read_rest(store, key, spare);
    }
}

static PyObject *read_decoded(struct store *store, struct session *session, PyObject *key)
{
    struct held held = HELD_NONE;
    char buffer[ROOM];
    size_t length = sizeof(buffer);
    PyObject *value = NULL;
    int result;

    if (hold_key(&store->codec, key, &held) < 0)
        return NULL;
    result = moddb_get(session->handle, held.data, held.length, buffer, &length, NULL);
    if (result == 0)
        value = decode_value(&store->codec, buffer, length);
    else if (result != -ENOENT)
        value = store_read(store, key, NULL);
    release_held(&held);
    return value;
}

/* Through the window, reading keys together saves no system call, but the other costs of single
 * reads.  Codecs and keys may run Python code, which may close the database. */
static int add_each(struct store *store, struct session *session, PyObject *keys, PyObject *result)
{
    const struct codec *codec = &store->codec;
    const bool is_plain = !codec->text_keys && !codec->text_values && !codec->decode;
    struct spare spare = {NULL, 0};
    int error = 0;

    ++session->users;
    for (Py_ssize_t i = 0; !error && i < PyList_Size(keys); i++) {
        PyObject *key = PyList_GetItem(keys, i);

        Py_INCREF(key);
        error = add_value(result, key,
                          is_plain ? read_bytes(store, session, key, &spare)
                                   : read_decoded(store, session, key));
        Py_DECREF(key);
    }
    Py_CLEAR(spare.bytes);
    session_put(session);
    return error;
}

static int add_all(struct store *store, struct session *session, PyObject *keys, PyObject *result)
{
    return session->reads_window ? add_each(store, session, keys, result)
                                 : add_groups(store, keys, result);
}

/* For many keys: see moddb/roomy.py. */
static PyObject *fill_roomy(struct store *store, struct session *session, PyObject *keys)
{
    PyObject *result = PyDict_Copy(state_of(store->module)->roomy);

    if (result &&
        (add_all(store, session, keys, result) < 0 || PyDict_DelItem(result, Py_None) < 0))
        Py_CLEAR(result);
    return result;
}

static PyObject *fill(struct store *store, struct session *session, PyObject *keys)
{
    PyObject *result = PyDict_New();

    if (result && add_all(store, session, keys, result) < 0)
        Py_CLEAR(result);
    return result;
}

PyObject *store_get_many(PyObject *self, PyObject *keys)
{
    struct store *store = (struct store *)self;
    PyObject *list = PyList_CheckExact(keys) ? Py_NewRef(keys) : PySequence_List(keys);
    struct session *session = list ? store_session(store, false) : NULL;
    PyObject *result = NULL;

    if (session)
        result = PyList_Size(list) > ROOMY_FROM ? fill_roomy(store, session, list)
                                                : fill(store, session, list);
    Py_XDECREF(list);
    return result;
}
