/* SPDX-License-Identifier: MIT */
/*
 * The type Store and its reads.  A read through the window takes a fraction of a microsecond, so
 * the interpreter's lock is kept; every other call into the kernel releases it.
 */
#include "store.h"

#include <errno.h>

/* Longer values are read straight into the object that they become. */
#define SHORT_VALUE 4096

/* 0, or -1 with an exception. */
static int open_session(struct store *store, bool shared)
{
    PyThreadState *thread;
    int error;

    thread = PyEval_SaveThread();
    error = sessions_open(&store->sessions, shared);
    PyEval_RestoreThread(thread);
    if (error < 0) {
        const struct failure failure = {.error = error, .message = moddb_error_text(NULL)};

        raise_error(store->module, &failure);
    }
    return error < 0 ? -1 : 0;
}

struct session *store_session(struct store *store, bool shared)
{
    struct session *session = shared ? NULL : sessions_cached(&store->sessions);

    if (session)
        return session;
    if (!store->sessions.id) {
        PyErr_SetString(PyExc_ValueError, "the database was closed");
        return NULL;
    }
    session = sessions_find(&store->sessions, shared);
    if (!session && !store->sessions.lost_ephemeral) {
        if (open_session(store, shared) < 0)
            return NULL;
        /* Another thread may have closed it since. */
        return store_session(store, shared);
    }
    if (store->sessions.lost_ephemeral) {
        PyObject *error = PyObject_CallFunction(
            state_of(store->module)->forked, "is", ESTALE,
            "the parent process holds ephemeral entries through this object; call reopen()");

        if (error) {
            PyErr_SetObject((PyObject *)Py_TYPE(error), error);
            Py_DECREF(error);
        }
        return NULL;
    }
    return session;
}

PyObject *store_failed(struct store *store, const struct session *session, int error, PyObject *key)
{
    const struct failure failure = {
        .error = error, .message = moddb_error_text(session->handle), .key = key};

    return raise_error(store->module, &failure);
}

/* ------------------------------------------------------------------ read */

/* Reads into a buffer: 0, -ENOENT, -EMSGSIZE, or another failure, which is raised. */
static int read_into(struct store *store, PyObject *key, const struct held *held, char *buffer,
                     size_t *length, struct moddb_info *info)
{
    struct session *session = store_session(store, false);
    PyThreadState *thread = NULL;
    int result;

    if (!session)
        return -EIO;
    if (!session->reads_window || info)
        thread = session_enter(session);
    result = moddb_get(session->handle, held->data, held->length, buffer, length, info);
    if (thread)
        PyEval_RestoreThread(thread);
    /* A key of a wrong size is -EMSGSIZE, too. */
    if (result < 0 && result != -ENOENT && (result != -EMSGSIZE || held->length > MODDB_KEY_MAX)) {
        store_failed(store, session, result, key);
        result = -EIO;
    }
    if (thread)
        session_leave(session);
    return result;
}

/* As store_read(), of a value that had this length a moment ago. */
static PyObject *read_long(struct store *store, PyObject *key, const struct held *held,
                           size_t length, struct moddb_info *info)
{
    for (;;) {
        PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)length);
        size_t found = length;
        int result;

        if (!bytes)
            return NULL;
        result = read_into(store, key, held, PyBytes_AsString(bytes), &found, info);
        if (result == 0 && found == length)
            return decode_bytes(&store->codec, bytes);
        /* The value has become shorter or longer. */
        Py_DECREF(bytes);
        if (result != 0 && result != -EMSGSIZE)
            return NULL;
        length = found;
    }
}

PyObject *store_read(struct store *store, PyObject *key, struct moddb_info *info)
{
    struct held held = HELD_NONE;
    char buffer[SHORT_VALUE];
    size_t length = sizeof(buffer);
    PyObject *value = NULL;

    if (hold_key(&store->codec, key, &held) == 0) {
        switch (read_into(store, key, &held, buffer, &length, info)) {
        case 0:
            value = decode_value(&store->codec, buffer, length);
            break;
        case -EMSGSIZE:
            value = read_long(store, key, &held, length, info);
            break;
        }
    }
    release_held(&held);
    return value;
}

static PyObject *missing(PyObject *key)
{
    if (!PyErr_Occurred())
        PyErr_SetObject(PyExc_KeyError, key);
    return NULL;
}

static PyObject *store_subscript(PyObject *self, PyObject *key)
{
    PyObject *value = store_read((struct store *)self, key, NULL);

    return value ? value : missing(key);
}

/* The default may be given by its name, as with typing's Mapping. */
static PyObject *store_get(PyObject *self, PyObject *const *arguments, Py_ssize_t count,
                           PyObject *names)
{
    const Py_ssize_t named = names ? PyTuple_Size(names) : 0;
    PyObject *value;

    if (count < 1 || count + named > 2 ||
        (named && PyUnicode_CompareWithASCIIString(PyTuple_GetItem(names, 0), "default")))
        return PyErr_Format(PyExc_TypeError, "get expected a key and perhaps a default");
    value = store_read((struct store *)self, arguments[0], NULL);
    if (value || PyErr_Occurred())
        return value;
    value = count + named == 2 ? arguments[1] : Py_None;
    Py_INCREF(value);
    return value;
}

static int store_contains(PyObject *self, PyObject *key)
{
    struct store *store = (struct store *)self;
    struct held held = HELD_NONE;
    char buffer[SHORT_VALUE];
    size_t length = sizeof(buffer);
    int result = -EIO;

    if (hold_key(&store->codec, key, &held) == 0)
        result = read_into(store, key, &held, buffer, &length, NULL);
    release_held(&held);
    return result == 0 || result == -EMSGSIZE ? 1 : result == -ENOENT ? 0 : -1;
}

PyObject *store_entry(const struct store *store, PyObject *value, const struct moddb_info *info)
{
    PyObject *ttl;

    if (!value)
        return NULL;
    if (info->ttl_ms) {
        ttl = PyFloat_FromDouble((double)info->ttl_ms / 1e3);
    } else {
        Py_INCREF(Py_None);
        ttl = Py_None;
    }
    return PyObject_CallFunction(state_of(store->module)->entry, "NKNdIIN", value,
                                 (unsigned long long)info->version, ttl,
                                 (double)info->mtime_ns / 1e9, info->uid, info->pid,
                                 PyBool_FromLong((info->flags & MODDB_EPHEMERAL) != 0));
}

static PyObject *store_entry_of(PyObject *self, PyObject *key)
{
    struct store *store = (struct store *)self;
    struct moddb_info info = MODDB_INIT(info);
    PyObject *value = store_read(store, key, &info);

    return value ? store_entry(store, value, &info) : missing(key);
}

/* -------------------------------------------------------------- lifetime */

static PyObject *store_close(PyObject *self, PyObject *unused)
{
    (void)unused;
    sessions_close(&((struct store *)self)->sessions);
    Py_RETURN_NONE;
}

static PyObject *store_reopen(PyObject *self, PyObject *unused)
{
    struct store *store = (struct store *)self;

    (void)unused;
    sessions_reopen(&store->sessions);
    if (!store_session(store, false))
        return NULL;
    Py_RETURN_NONE;
}

/* The functions of the codec, from the arguments of the type. */
static int set_codec(struct codec *codec, PyObject *keys, PyObject *values, PyObject *encode,
                     PyObject *decode)
{
    codec->text_keys = keys == (PyObject *)&PyUnicode_Type;
    codec->text_values = values == (PyObject *)&PyUnicode_Type;
    if ((encode == Py_None) != (decode == Py_None) || (codec->text_values && encode != Py_None)) {
        PyErr_SetString(PyExc_TypeError, "a codec has both functions or none");
        return -1;
    }
    if (encode == Py_None)
        return 0;
    Py_INCREF(encode);
    codec->encode = encode;
    Py_INCREF(decode);
    codec->decode = decode;
    return 0;
}

static PyObject *store_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"name",   "keys",      "values",  "encode",
                            "decode", "transport", "timeout", NULL};
    struct moddb_options options = MODDB_INIT(options);
    PyObject *keys, *values, *encode, *decode;
    allocfunc allocate = PyType_GetSlot(type, Py_tp_alloc);
    struct store *store;
    const char *name;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "sOOOOII", names, &name, &keys, &values,
                                     &encode, &decode, &options.transport, &options.timeout_ms))
        return NULL;
    store = (struct store *)allocate(type, 0);
    if (!store)
        return NULL;
    store->module = module_of_type(type);
    Py_XINCREF(store->module);
    if (!store->module || set_codec(&store->codec, keys, values, encode, decode) < 0)
        goto failed;
    if (sessions_init(&store->sessions, name, &options) < 0) {
        PyErr_NoMemory();
        goto failed;
    }
    if (!store_session(store, false))
        goto failed;
    return (PyObject *)store;
failed:
    Py_DECREF(store);
    return NULL;
}

static int store_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct store *store = (struct store *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(store->module);
    Py_VISIT(store->codec.encode);
    Py_VISIT(store->codec.decode);
    return 0;
}

static int store_drop(PyObject *self)
{
    struct store *store = (struct store *)self;

    Py_CLEAR(store->codec.encode);
    Py_CLEAR(store->codec.decode);
    return 0;
}

static void store_dealloc(PyObject *self)
{
    struct store *store = (struct store *)self;
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(self);
    if (store->sessions.database) {
        sessions_close(&store->sessions);
        sessions_free(&store->sessions);
    }
    store_drop(self);
    Py_CLEAR(store->module);
    release(self);
    Py_DECREF(type);
}

/* ------------------------------------------------------------ attributes */

static PyObject *store_name(PyObject *self, void *closure)
{
    (void)closure;
    return PyUnicode_DecodeFSDefault(((struct store *)self)->sessions.database);
}

static PyObject *store_transport(PyObject *self, void *closure)
{
    struct session *session = store_session((struct store *)self, false);

    (void)closure;
    if (!session)
        return NULL;
    return PyUnicode_FromString(
        moddb_transport(session->handle) == MODDB_TRANSPORT_DEVICE ? "device" : "netlink");
}

static PyObject *store_closed(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(!((struct store *)self)->sessions.id);
}

static PyGetSetDef attributes[] = {
    {"name", store_name, NULL, PyDoc_STR("The name of the database."), NULL},
    {"transport", store_transport, NULL,
     PyDoc_STR("How this thread reaches the kernel: 'device' or 'netlink'."), NULL},
    {"closed", store_closed, NULL, PyDoc_STR("Whether close() was called."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

#define WITH_KEYWORDS(function)                                                                    \
    (PyCFunction)(void (*)(void))(function), METH_VARARGS | METH_KEYWORDS

static PyMethodDef methods[] = {
    {"get", (PyCFunction)(void (*)(void))store_get, METH_FASTCALL | METH_KEYWORDS,
     PyDoc_STR("get($self, key, /, default=None)\n--\n\n"
               "The value of a key, or the default if it is missing.")},
    {"entry", store_entry_of, METH_O,
     PyDoc_STR("entry($self, key, /)\n--\n\n"
               "The value of a key with version, time to live and writer; a system call.\n\n"
               "KeyError if it is missing.")},
    {"get_many", store_get_many, METH_O,
     PyDoc_STR("get_many($self, keys, /)\n--\n\n"
               "The values of those keys that exist, as a dict.\n\n"
               "Faster than single reads, but like those not atomic: for that use transaction()\n"
               "or snapshot().")},
    {"set", WITH_KEYWORDS(store_set),
     PyDoc_STR("set($self, key, value, *, ttl=None, if_absent=False, if_present=False, "
               "if_version=None, if_value=..., ephemeral=False)\n--\n\n"
               "Writes an entry, and returns its version.\n\n"
               "The whole entry is replaced: it expires after ttl seconds, or never. At most one\n"
               "condition may be given; if it fails, nothing is changed and Conflict is raised.\n"
               "An ephemeral entry is deleted with this object: when that is closed or collected,\n"
               "or when the process ends, however that happens.")},
    {"delete", WITH_KEYWORDS(store_delete),
     PyDoc_STR("delete($self, key, *, if_version=None, if_value=...)\n--\n\n"
               "Deletes an entry, and returns the revision of the deletion.\n\n"
               "KeyError if it is missing and there is no condition; Conflict if the condition\n"
               "fails.")},
    {"swap", WITH_KEYWORDS(store_swap),
     PyDoc_STR("swap($self, key, value, *, ttl=None, if_absent=False, if_present=False, "
               "if_version=None, if_value=..., ephemeral=False)\n--\n\n"
               "Like set(), but returns the value that it replaced, or None if there was none.")},
    {"take", WITH_KEYWORDS(store_take),
     PyDoc_STR("take($self, key, *, if_version=None, if_value=...)\n--\n\n"
               "Like delete(), but returns the value: of several callers, only one gets it.")},
    {"incr", WITH_KEYWORDS(store_incr),
     PyDoc_STR("incr($self, key, delta=1, *, initial=0, minimum=None, maximum=None, ttl=None, "
               "ttl_if_new=False, if_absent=False, if_present=False, if_version=None, "
               "if_value=..., ephemeral=False)\n--\n\n"
               "Adds to a counter, and returns the sum. A missing one counts from initial.\n\n"
               "NotANumber if the value is not a number; OutOfRange if the sum would be outside\n"
               "of minimum, maximum or 64 bits; Conflict, without the value, if the condition\n"
               "fails: nothing is changed then. Without ttl an existing counter keeps its time to\n"
               "live; with ttl_if_new it does so as well, and ttl applies to a new counter.")},
    {"touch", WITH_KEYWORDS(store_touch),
     PyDoc_STR("touch($self, key, ttl=None, *, if_version=None, if_value=...)\n--\n\n"
               "Gives an entry another time to live, or none, and changes nothing else.\n\n"
               "KeyError if it is missing.")},
    {"set_many", WITH_KEYWORDS(store_set_many),
     PyDoc_STR("set_many($self, items, *, ttl=None)\n--\n\n"
               "Writes many entries in few calls, each separately.\n\n"
               "All are tried; then the first failure is raised. For an atomic write use\n"
               "transaction().")},
    {"commit", store_commit, METH_O,
     PyDoc_STR("commit($self, operations, /)\n--\n\n"
               "Runs operations as one transaction; see Transaction.")},
    {"read_listing", store_list, METH_VARARGS,
     PyDoc_STR("read_listing($self, prefix, since, what, /)\n--\n\n"
               "A listing as (revision, list); see Database.listing().")},
    {"read_snapshot", store_snapshot, METH_O,
     PyDoc_STR("read_snapshot($self, prefix, /)\n--\n\n"
               "A snapshot as (revision, list); see Database.snapshot().")},
    {"clear", store_clear, METH_NOARGS,
     PyDoc_STR("clear($self, /)\n--\n\n"
               "Deletes all entries atomically.\n\n"
               "NotPermitted in a database with the sticky bit, such as 'default', if the caller\n"
               "is not its owner.")},
    {"delete_prefix", store_delete_prefix, METH_O,
     PyDoc_STR("delete_prefix($self, prefix, /)\n--\n\n"
               "Deletes the entries whose keys begin with a prefix, and returns their number.\n\n"
               "Each deletion is a separate change. The prefix must not be empty: use clear().\n"
               "NotPermitted if the sticky bit has protected entries of other users.")},
    {"database_info", store_database_info, METH_VARARGS,
     PyDoc_STR("database_info($self, name, /)\n--\n\n"
               "The settings and counters of a database (None: this one), as a dict.")},
    {"database_list", store_database_list, METH_NOARGS,
     PyDoc_STR("database_list($self, /)\n--\n\n"
               "The same for all databases that the caller may see.")},
    {"database_create", WITH_KEYWORDS(store_database_create),
     PyDoc_STR("database_create($self, name, *, owner=None, group=None, mode=None, max_bytes=None, "
               "max_keys=None, evict=None, shared=None)\n--\n\n"
               "Creates a database; see moddb.create().")},
    {"database_alter", WITH_KEYWORDS(store_database_alter),
     PyDoc_STR("database_alter($self, name, *, owner=None, group=None, mode=None, max_bytes=None, "
               "max_keys=None, evict=None, shared=None)\n--\n\n"
               "Changes a database; see Database.alter().")},
    {"database_delete", store_database_delete, METH_VARARGS,
     PyDoc_STR("database_delete($self, name, /)\n--\n\n"
               "Deletes a database; see moddb.delete().")},
    {"database_seal", store_database_seal, METH_VARARGS,
     PyDoc_STR("database_seal($self, name, /)\n--\n\n"
               "Makes a database permanently read-only; see Database.seal().")},
    {"database_replace", store_database_replace, METH_VARARGS,
     PyDoc_STR("database_replace($self, replacements, /)\n--\n\n"
               "Replaces databases; see moddb.replace().")},
    {"close", store_close, METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\n"
               "Ends all sessions of this object, which deletes its ephemeral entries.")},
    {"reopen", store_reopen, METH_NOARGS,
     PyDoc_STR("reopen($self, /)\n--\n\n"
               "Closes the object and makes it usable again, also in a forked child.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, PyDoc_STR("See PEP 585.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "A database as a mapping; programs use moddb.Database, which is built on it."},
    {Py_tp_new, store_new},
    {Py_tp_dealloc, store_dealloc},
    {Py_tp_traverse, store_traverse},
    {Py_tp_clear, store_drop},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {Py_mp_subscript, store_subscript},
    {Py_mp_ass_subscript, store_assign},
    {Py_mp_length, store_length},
    {Py_sq_contains, store_contains},
    {0, NULL},
};

PyType_Spec store_spec = {
    .name = "moddb._moddb.Store",
    .basicsize = sizeof(struct store),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
