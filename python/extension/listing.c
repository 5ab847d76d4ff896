/* SPDX-License-Identifier: MIT */
/*
 * Listings and snapshots, read whole into a list: unlike a dict, a database may then change while a
 * program iterates over it.
 */
#include "gather.h"

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

static PyObject *item_of(const struct store *store, const struct moddb_entry *entry,
                         enum listing_what what)
{
    PyObject *key = decode_key(&store->codec, entry->key, entry->key_length);
    PyObject *value;

    if (!key || what == LISTING_KEYS)
        return key;
    value = value_of(store, entry, what);
    if (!value) {
        Py_DECREF(key);
        return NULL;
    }
    return Py_BuildValue("NN", key, value);
}

/* (revision, list), or NULL if an exception was raised; takes the reference. */
static PyObject *result_of(uint64_t revision, PyObject *list)
{
    return list ? Py_BuildValue("KN", (unsigned long long)revision, list) : NULL;
}

struct listing {
    struct store *store;
    struct moddb_list *list;
    enum listing_what what;
};

static PyObject *next_of_listing(void *source, int *more)
{
    const struct listing *listing = source;
    struct moddb_entry entry = MODDB_INIT(entry);

    *more = moddb_list_next(listing->list, &entry);
    return *more > 0 ? item_of(listing->store, &entry, listing->what) : NULL;
}

PyObject *store_list(PyObject *self, PyObject *arguments)
{
    struct store *store = (struct store *)self;
    struct moddb_list_options options = MODDB_INIT(options);
    struct held prefix = HELD_NONE;
    PyObject *given, *since, *result = NULL;
    struct listing listing = {.store = store};
    struct session *session;
    PyThreadState *thread;
    unsigned what;
    int error;

    if (!PyArg_ParseTuple(arguments, "OOI:read_listing", &given, &since, &what))
        return NULL;
    options.since = PyLong_AsUnsignedLongLong(since);
    if (PyErr_Occurred())
        return NULL;
    if (what > LISTING_ENTRIES)
        return PyErr_Format(PyExc_ValueError, "no such listing");
    listing.what = (enum listing_what)what;
    if (given != Py_None && hold_key(&store->codec, given, &prefix) < 0)
        return NULL;
    session = store_session(store, false);
    if (session) {
        options.prefix = prefix.data;
        options.prefix_length = prefix.length;
        options.flags = listing_flags[what];
        thread = session_enter(session);
        error = moddb_list_open(session->handle, &options, &listing.list);
        PyEval_RestoreThread(thread);
        if (error < 0) {
            store_failed(store, session, error, NULL);
        } else {
            result = result_of(moddb_list_revision(listing.list),
                               gather(store, session, next_of_listing, &listing));
            moddb_list_close(listing.list);
        }
        session_leave(session);
    }
    release_held(&prefix);
    return result;
}

struct snapshot {
    struct store *store;
    struct moddb_snapshot *snapshot;
};

static PyObject *next_of_snapshot(void *source, int *more)
{
    const struct snapshot *snapshot = source;
    struct moddb_entry entry = MODDB_INIT(entry);

    *more = moddb_snapshot_next(snapshot->snapshot, &entry);
    return *more > 0 ? item_of(snapshot->store, &entry, LISTING_ENTRIES) : NULL;
}

/* Opens a snapshot; after a signal whose handler raises nothing it starts again. */
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
    struct snapshot snapshot = {.store = store};
    struct session *session;
    PyObject *result = NULL;

    if (given != Py_None && hold_key(&store->codec, given, &prefix) < 0)
        return NULL;
    session = store_session(store, false);
    if (session) {
        options.prefix = prefix.data;
        options.prefix_length = prefix.length;
        PyEval_RestoreThread(session_enter(session));
        if (open_snapshot(store, session, &options, &snapshot.snapshot) == 0) {
            result = result_of(moddb_snapshot_revision(snapshot.snapshot),
                               gather(store, session, next_of_snapshot, &snapshot));
            moddb_snapshot_close(snapshot.snapshot);
        }
        session_leave(session);
    }
    release_held(&prefix);
    return result;
}
