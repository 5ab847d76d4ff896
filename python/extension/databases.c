/* SPDX-License-Identifier: MIT */
/* Databases as a whole: all their entries, limits and rights. */
#include "gather.h"

#include <string.h>

/* Enters the session for a call; NULL with an exception. */
static struct session *begin(struct store *store, PyThreadState **thread)
{
    struct session *session = store_session(store, false);

    if (session)
        *thread = session_enter(session);
    return session;
}

/* Ends a call: None, or NULL with an exception. */
static PyObject *end(struct store *store, struct session *session, PyThreadState *thread, int error)
{
    PyEval_RestoreThread(thread);
    if (error < 0)
        store_failed(store, session, error, NULL);
    session_leave(session);
    if (error < 0)
        return NULL;
    Py_RETURN_NONE;
}

Py_ssize_t store_length(PyObject *self)
{
    struct store *store = (struct store *)self;
    struct moddb_database_info info = MODDB_INIT(info);
    PyThreadState *thread;
    struct session *session = begin(store, &thread);
    PyObject *done;

    if (!session)
        return -1;
    done = end(store, session, thread, moddb_database_get(session->handle, NULL, &info));
    Py_XDECREF(done);
    return done ? (Py_ssize_t)info.keys : -1;
}

PyObject *store_clear(PyObject *self, PyObject *unused)
{
    struct store *store = (struct store *)self;
    PyThreadState *thread;
    struct session *session = begin(store, &thread);

    (void)unused;
    return session ? end(store, session, thread, moddb_database_clear(session->handle, NULL))
                   : NULL;
}

PyObject *store_delete_prefix(PyObject *self, PyObject *given)
{
    struct store *store = (struct store *)self;
    struct held prefix = HELD_NONE;
    struct session *session;
    PyThreadState *thread;
    uint64_t deleted = 0;
    PyObject *done = NULL;

    if (hold_key(&store->codec, given, &prefix) < 0)
        return NULL;
    session = begin(store, &thread);
    if (session)
        done = end(store, session, thread,
                   moddb_del_prefix(session->handle, prefix.data, prefix.length, &deleted));
    release_held(&prefix);
    Py_XDECREF(done);
    return done ? PyLong_FromUnsignedLongLong(deleted) : NULL;
}

/* ------------------------------------------------------------------ info */

static PyObject *dict_of(const struct moddb_database_info *info)
{
    return Py_BuildValue(
        "{sN sI sI sI sN sN sN sN sK sK sK sK sK sK sK sK sK sK sK sK sK sK}", "name",
        PyUnicode_DecodeFSDefault(info->name), "owner", info->owner, "group", info->group, "mode",
        info->mode, "evict", PyBool_FromLong(info->evict), "shared", PyBool_FromLong(info->shared),
        "sealed", PyBool_FromLong(info->sealed), "ephemeral", PyBool_FromLong(info->ephemeral),
        "max_bytes", (unsigned long long)info->max_bytes, "max_keys",
        (unsigned long long)info->max_keys, "revision", (unsigned long long)info->revision, "keys",
        (unsigned long long)info->keys, "bytes", (unsigned long long)info->bytes, "kernel_hits",
        (unsigned long long)info->hits, "kernel_misses", (unsigned long long)info->misses, "sets",
        (unsigned long long)info->sets, "deletes", (unsigned long long)info->deletes, "expiries",
        (unsigned long long)info->expiries, "evictions", (unsigned long long)info->evictions,
        "refusals", (unsigned long long)info->refusals, "overruns", (unsigned long long)info->drops,
        "window_bytes", (unsigned long long)info->window_bytes);
}

PyObject *store_database_info(PyObject *self, PyObject *arguments)
{
    struct store *store = (struct store *)self;
    struct moddb_database_info info = MODDB_INIT(info);
    PyThreadState *thread;
    struct session *session;
    const char *name;
    PyObject *done;

    if (!PyArg_ParseTuple(arguments, "z:database_info", &name))
        return NULL;
    session = begin(store, &thread);
    if (!session)
        return NULL;
    done = end(store, session, thread, moddb_database_get(session->handle, name, &info));
    Py_XDECREF(done);
    return done ? dict_of(&info) : NULL;
}

static PyObject *next_database(void *source, int *more)
{
    struct moddb_database_info info = MODDB_INIT(info);

    *more = moddb_databases_next(source, &info);
    return *more > 0 ? dict_of(&info) : NULL;
}

PyObject *store_database_list(PyObject *self, PyObject *unused)
{
    struct store *store = (struct store *)self;
    struct moddb_databases *databases;
    PyThreadState *thread;
    struct session *session = begin(store, &thread);
    PyObject *list = NULL;
    int error;

    (void)unused;
    if (!session)
        return NULL;
    error = moddb_databases_open(session->handle, &databases);
    PyEval_RestoreThread(thread);
    if (error < 0) {
        store_failed(store, session, error, NULL);
    } else {
        list = gather(store, session, next_database, databases);
        moddb_databases_close(databases);
    }
    session_leave(session);
    return list;
}

/* --------------------------------------------------------------- changes */

struct settings {
    const char *name;
    PyObject *owner, *group, *mode, *max_bytes, *max_keys, *evict, *shared;
};

static int read_small(PyObject *given, uint32_t flag, uint32_t *number, uint32_t *fields)
{
    unsigned long value;

    if (!given || given == Py_None)
        return 0;
    value = PyLong_AsUnsignedLong(given);
    if (PyErr_Occurred())
        return -1;
    if (value > UINT32_MAX) {
        PyErr_SetString(PyExc_OverflowError, "a number of more than 32 bits");
        return -1;
    }
    *number = (uint32_t)value;
    *fields |= flag;
    return 0;
}

static int read_large(PyObject *given, uint32_t flag, uint64_t *number, uint32_t *fields)
{
    if (!given || given == Py_None)
        return 0;
    *number = PyLong_AsUnsignedLongLong(given);
    *fields |= flag;
    return PyErr_Occurred() ? -1 : 0;
}

static int read_settings(PyObject *arguments, PyObject *keywords, const char **name,
                         struct moddb_database_options *options)
{
    static char *names[] = {"name",     "owner", "group",  "mode", "max_bytes",
                            "max_keys", "evict", "shared", NULL};
    struct settings given = {0};

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "z|$OOOOOOO", names, name, &given.owner,
                                     &given.group, &given.mode, &given.max_bytes, &given.max_keys,
                                     &given.evict, &given.shared))
        return -1;
    uint32_t *const fields = &options->fields;
    if (read_small(given.owner, MODDB_DATABASE_OWNER, &options->owner, fields) < 0 ||
        read_small(given.group, MODDB_DATABASE_GROUP, &options->group, fields) < 0 ||
        read_small(given.mode, MODDB_DATABASE_MODE, &options->mode, fields) < 0 ||
        read_large(given.max_bytes, MODDB_DATABASE_MAX_BYTES, &options->max_bytes, fields) < 0 ||
        read_large(given.max_keys, MODDB_DATABASE_MAX_KEYS, &options->max_keys, fields) < 0 ||
        read_small(given.evict, MODDB_DATABASE_EVICT, &options->evict, fields) < 0 ||
        read_small(given.shared, MODDB_DATABASE_SHARED, &options->shared, fields) < 0)
        return -1;
    return 0;
}

static PyObject *change(PyObject *self, PyObject *arguments, PyObject *keywords,
                        int (*call)(struct moddb_handle *, const char *,
                                    const struct moddb_database_options *))
{
    struct store *store = (struct store *)self;
    struct moddb_database_options options = MODDB_INIT(options);
    PyThreadState *thread;
    struct session *session;
    const char *name;

    if (read_settings(arguments, keywords, &name, &options) < 0)
        return NULL;
    session = begin(store, &thread);
    return session ? end(store, session, thread, call(session->handle, name, &options)) : NULL;
}

PyObject *store_database_create(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    return change(self, arguments, keywords, moddb_database_create);
}

PyObject *store_database_alter(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    return change(self, arguments, keywords, moddb_database_alter);
}

static PyObject *by_name(PyObject *self, PyObject *arguments,
                         int (*call)(struct moddb_handle *, const char *))
{
    struct store *store = (struct store *)self;
    PyThreadState *thread;
    struct session *session;
    const char *name;

    if (!PyArg_ParseTuple(arguments, "z", &name))
        return NULL;
    session = begin(store, &thread);
    return session ? end(store, session, thread, call(session->handle, name)) : NULL;
}

PyObject *store_database_delete(PyObject *self, PyObject *arguments)
{
    return by_name(self, arguments, moddb_database_delete);
}

PyObject *store_database_seal(PyObject *self, PyObject *arguments)
{
    return by_name(self, arguments, moddb_database_seal);
}

/* A name, which is valid as long as the object; NULL with an exception. */
static const char *read_name(PyObject *object)
{
    Py_ssize_t length;
    const char *name = PyUnicode_AsUTF8AndSize(object, &length);

    if (!name || strlen(name) == (size_t)length)
        return name;
    PyErr_SetString(PyExc_ValueError, "embedded null character");
    return NULL;
}

/* Fills two arrays with the keys and values of a dict of str, which must outlive them. */
static int read_names(PyObject *replacements, const char **names, const char **sources)
{
    PyObject *name, *source;
    Py_ssize_t position = 0;

    for (Py_ssize_t i = 0; PyDict_Next(replacements, &position, &name, &source); i++) {
        names[i] = read_name(name);
        sources[i] = read_name(source);
        if (!names[i] || !sources[i])
            return -1;
    }
    return 0;
}

PyObject *store_database_replace(PyObject *self, PyObject *arguments)
{
    struct store *store = (struct store *)self;
    PyThreadState *thread;
    struct session *session;
    PyObject *replacements, *result = NULL;
    const char **names;
    size_t count;

    if (!PyArg_ParseTuple(arguments, "O!:database_replace", &PyDict_Type, &replacements))
        return NULL;
    /* Other threads may change the caller's dict. */
    replacements = PyDict_Copy(replacements);
    if (!replacements)
        return NULL;
    count = (size_t)PyDict_Size(replacements);
    names = PyMem_Calloc(2 * count + 1, sizeof(*names));
    if (!names)
        PyErr_NoMemory();
    else if (read_names(replacements, names, names + count) == 0) {
        session = begin(store, &thread);
        if (session)
            result = end(store, session, thread,
                         moddb_database_replace(session->handle, names, names + count, count));
    }
    PyMem_Free(names);
    Py_DECREF(replacements);
    return result;
}
