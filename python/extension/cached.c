/* SPDX-License-Identifier: MIT */
/*
 * One key that is read repeatedly: while its entry does not change, reads return the same Python
 * object.  It has a handle of its own, which all threads may use, because the interpreter's lock is
 * held throughout.
 */
#include "cached.h"
#include "store.h"

#include <errno.h>

struct cached {
    PyObject_HEAD struct store *store; /* for its name, options and codec */
    PyObject *key;
    PyObject *default_value;
    struct moddb_handle *handle;
    struct moddb_cached *cached;
    PyObject *value; /* of the version; NULL at first */
    uint64_t version;
};

static void close_handle(struct cached *cached)
{
    moddb_cached_close(cached->cached);
    moddb_close(cached->handle);
    cached->cached = NULL;
    cached->handle = NULL;
}

static int open_handle(struct cached *cached)
{
    const struct sessions *sessions = &cached->store->sessions;
    struct held key = HELD_NONE;
    int error;

    if (hold_key(&cached->store->codec, cached->key, &key) < 0)
        return -1;
    error = moddb_open(sessions->database, &sessions->options, &cached->handle);
    if (error == 0)
        error = moddb_cached_open(cached->handle, key.data, key.length, &cached->cached);
    release_held(&key);
    if (error < 0) {
        const struct failure failure = {
            .error = error, .message = moddb_error_text(cached->handle), .key = cached->key};

        raise_error(cached->store->module, &failure);
        close_handle(cached);
        return -1;
    }
    return 0;
}

/* As moddb_cached_get(), but a forked child replaces its parent's handle with one of its own.  1 if
 * opening that raised an exception. */
static int read_cached(struct cached *cached, const void **data, size_t *length, uint64_t *version)
{
    int result = moddb_cached_get(cached->cached, data, length, version);

    if (result != -ESTALE)
        return result;
    close_handle(cached);
    if (open_handle(cached) < 0)
        return 1;
    return moddb_cached_get(cached->cached, data, length, version);
}

static PyObject *new_reference(PyObject *object)
{
    Py_INCREF(object);
    return object;
}

static PyObject *cached_get(PyObject *self, PyObject *unused)
{
    struct cached *cached = (struct cached *)self;
    const void *data;
    uint64_t version;
    size_t length;
    PyObject *value, *old;
    int result;

    (void)unused;
    /* There is no handle if an earlier call could not open one after a fork. */
    if (!cached->handle && open_handle(cached) < 0)
        return NULL;
    result = read_cached(cached, &data, &length, &version);
    if (result == 0 && cached->value && version == cached->version)
        return new_reference(cached->value);
    if (result == -ENOENT)
        return new_reference(cached->default_value);
    if (result != 0) {
        const struct failure failure = {
            .error = result, .message = moddb_error_text(cached->handle), .key = cached->key};

        return result > 0 ? NULL : raise_error(cached->store->module, &failure);
    }
    value = decode_value(&cached->store->codec, data, length);
    if (!value)
        return NULL;
    old = cached->value;
    cached->value = new_reference(value);
    cached->version = version;
    /* Last, since it may run Python code that reads this object. */
    Py_XDECREF(old);
    return value;
}

static PyObject *cached_call(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {NULL};

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "", names))
        return NULL;
    return cached_get(self, NULL);
}

static PyObject *cached_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"store", "key", "default", NULL};
    PyObject *module = module_of_type(type), *key, *value;
    allocfunc allocate = PyType_GetSlot(type, Py_tp_alloc);
    struct cached *cached;
    struct store *store;

    if (!module || !PyArg_ParseTupleAndKeywords(arguments, keywords, "O!OO", names,
                                                state_of(module)->store, &store, &key, &value))
        return NULL;
    cached = (struct cached *)allocate(type, 0);
    if (!cached)
        return NULL;
    cached->store = (struct store *)new_reference((PyObject *)store);
    cached->key = new_reference(key);
    cached->default_value = new_reference(value);
    if (open_handle(cached) < 0)
        Py_CLEAR(cached);
    return (PyObject *)cached;
}

static int cached_traverse(PyObject *self, visitproc visit, void *arg)
{
    struct cached *cached = (struct cached *)self;

    Py_VISIT(Py_TYPE(self));
    Py_VISIT(cached->store);
    Py_VISIT(cached->key);
    Py_VISIT(cached->default_value);
    Py_VISIT(cached->value);
    return 0;
}

static int cached_clear(PyObject *self)
{
    struct cached *cached = (struct cached *)self;

    Py_CLEAR(cached->value);
    return 0;
}

static void cached_dealloc(PyObject *self)
{
    struct cached *cached = (struct cached *)self;
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(self);
    close_handle(cached);
    Py_CLEAR(cached->store);
    Py_CLEAR(cached->key);
    Py_CLEAR(cached->default_value);
    Py_CLEAR(cached->value);
    release(self);
    Py_DECREF(type);
}

static PyMethodDef methods[] = {
    {"get", cached_get, METH_NOARGS,
     PyDoc_STR("get($self, /)\n--\n\n"
               "The value, or the default while the key is missing.\n\n"
               "While the entry stays the same, so does the object: do not change it.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, PyDoc_STR("See PEP 585.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "One key that is read repeatedly, such as a flag: a call returns its value.\n\n"
                "Made by Database.cached(); all threads and forked children may use it."},
    {Py_tp_new, cached_new},
    {Py_tp_call, cached_call},
    {Py_tp_dealloc, cached_dealloc},
    {Py_tp_traverse, cached_traverse},
    {Py_tp_clear, cached_clear},
    {Py_tp_methods, methods},
    {0, NULL},
};

PyType_Spec cached_spec = {
    .name = "moddb._moddb.Cached",
    .basicsize = sizeof(struct cached),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
