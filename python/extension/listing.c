/* SPDX-License-Identifier: MIT */
/*
 * Listings and snapshots, read whole into a list: a database may then change while a program goes
 * through it, as a dict may not.
 */
#include "store.h"

#include <errno.h>

static const uint32_t listing_flags[] = {
    [LISTING_KEYS] = 0,
    [LISTING_VALUES] = MODDB_LIST_VALUES,
    [LISTING_ENTRIES] = MODDB_LIST_VALUES | MODDB_LIST_INFO,
};

static PyObject *value_of(const struct store *store, const struct moddb_entry *entry,
                          enum listing_what what)
{
    PyObject *value = decode_value(&store->codec, entry->value, entry->value_length);
    struct moddb_info info = MODDB_INIT(info);

    if (what == LISTING_VALUES)
        return value;
    info.version = entry->version;
    info.mtime_ns = entry->mtime_ns;
    info.ttl_ms = entry->ttl_ms;
    info.uid = entry->uid;
    info.pid = entry->pid;
    info.flags = entry->flags;
    return store_entry(store, value, &info);
}

static int append(const struct store *store, PyObject *list, const struct moddb_entry *entry,
                  enum listing_what what)
{
    PyObject *item = decode_key(&store->codec, entry->key, entry->key_length);
    int result;

    if (item && what != LISTING_KEYS) {
        PyObject *value = value_of(store, entry, what);

        item = value ? Py_BuildValue("NN", item, value) : (Py_DECREF(item), NULL);
    }
    if (!item)
        return -1;
    result = PyList_Append(list, item);
    Py_DECREF(item);
    return result;
}

/* (revision, list), or NULL where an exception was raised; takes the reference. */
static PyObject *result_of(uint64_t revision, PyObject *list)
{
    return list ? Py_BuildValue("KN", (unsigned long long)revision, list) : NULL;
}

static PyObject *read_listing(struct store *store, const struct session *session,
                              struct moddb_list *listing, enum listing_what what)
{
    struct moddb_entry entry = MODDB_INIT(entry);
    PyObject *list = PyList_New(0);
    int more = 1;

    while (list && (more = moddb_list_next(listing, &entry)) > 0)
        if (append(store, list, &entry, what) < 0)
            Py_CLEAR(list);
    if (list && more < 0) {
        Py_CLEAR(list);
        store_failed(store, session, more, NULL);
    }
    return result_of(moddb_list_revision(listing), list);
}

PyObject *store_list(PyObject *self, PyObject *arguments)
{
    struct store *store = (struct store *)self;
    struct moddb_list_options options = MODDB_INIT(options);
    struct held prefix = HELD_NONE;
    unsigned long long since;
    PyObject *given, *result = NULL;
    struct moddb_list *listing;
    struct session *session;
    PyThreadState *thread;
    unsigned what;
    int error;

    if (!PyArg_ParseTuple(arguments, "OKI:read_listing", &given, &since, &what))
        return NULL;
    if (what > LISTING_ENTRIES)
        return PyErr_Format(PyExc_ValueError, "no such listing");
    if (given != Py_None && hold_key(&store->codec, given, &prefix) < 0)
        return NULL;
    session = store_session(store, false);
    if (session) {
        options.prefix = prefix.data;
        options.prefix_length = prefix.length;
        options.since = since;
        options.flags = listing_flags[what];
        thread = session_enter(session);
        error = moddb_list_open(session->handle, &options, &listing);
        PyEval_RestoreThread(thread);
        if (error < 0) {
            store_failed(store, session, error, NULL);
        } else {
            result = read_listing(store, session, listing, (enum listing_what)what);
            moddb_list_close(listing);
        }
        session_leave(session);
    }
    release_held(&prefix);
    return result;
}

static PyObject *read_snapshot(struct store *store, const struct session *session,
                               struct moddb_snapshot *snapshot)
{
    struct moddb_entry entry = MODDB_INIT(entry);
    PyObject *list = PyList_New(0);
    int more = 1;

    while (list && (more = moddb_snapshot_next(snapshot, &entry)) > 0)
        if (append(store, list, &entry, LISTING_ENTRIES) < 0)
            Py_CLEAR(list);
    if (list && more < 0) {
        Py_CLEAR(list);
        store_failed(store, session, more, NULL);
    }
    return result_of(moddb_snapshot_revision(snapshot), list);
}

/* Opens a snapshot; a signal whose handler raises nothing begins it anew. */
static int open_snapshot(struct store *store, struct session *session,
                         const struct moddb_snapshot_options *options,
                         struct moddb_snapshot **snapshot)
{
    for (;;) {
        PyThreadState *thread = PyEval_SaveThread();
        const int error = moddb_snapshot_open(session->handle, options, snapshot);

        PyEval_RestoreThread(thread);
        if (error == 0)
            return 0;
        if (error != -EINTR) {
            store_failed(store, session, error, NULL);
            return -1;
        }
        if (PyErr_CheckSignals() < 0)
            return -1;
    }
}

PyObject *store_snapshot(PyObject *self, PyObject *given)
{
    struct store *store = (struct store *)self;
    struct moddb_snapshot_options options = MODDB_INIT(options);
    struct held prefix = HELD_NONE;
    struct moddb_snapshot *snapshot;
    struct session *session;
    PyObject *result = NULL;

    if (given != Py_None && hold_key(&store->codec, given, &prefix) < 0)
        return NULL;
    session = store_session(store, false);
    if (session) {
        options.prefix = prefix.data;
        options.prefix_length = prefix.length;
        PyEval_RestoreThread(session_enter(session));
        if (open_snapshot(store, session, &options, &snapshot) == 0) {
            result = read_snapshot(store, session, snapshot);
            moddb_snapshot_close(snapshot);
        }
        session_leave(session);
    }
    release_held(&prefix);
    return result;
}
