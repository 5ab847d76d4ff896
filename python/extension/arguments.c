/* SPDX-License-Identifier: MIT */
/* Reads the arguments of writes.  Invalid arguments are refused here or by the kernel, never
 * adjusted. */
#include "write.h"

#include <math.h>

int read_ttl(PyObject *ttl, uint64_t *milliseconds)
{
    double seconds;

    *milliseconds = 0;
    if (!ttl || ttl == Py_None)
        return 0;
    seconds = PyFloat_AsDouble(ttl);
    if (seconds == -1.0 && PyErr_Occurred())
        return -1;
    /* For the library 0 would mean no expiry; the kernel refuses longer times. */
    if (!(seconds > 0 && seconds < 1e15)) {
        PyErr_SetString(PyExc_ValueError, "a time to live is a number of seconds above 0");
        return -1;
    }
    *milliseconds = (uint64_t)ceil(seconds * 1e3);
    return 0;
}

/* The conditions as they are given: at most one of them. */
struct conditions {
    int absent;
    int present;
    PyObject *version;
    PyObject *value;
};

static int read_conditions(struct store *store, const struct conditions *given,
                           struct operation *operation)
{
    const bool version = given->version && given->version != Py_None;
    const bool value = given->value != NULL;
    struct moddb_write_options *options = &operation->options;

    if (!!given->absent + !!given->present + version + value > 1) {
        PyErr_SetString(PyExc_ValueError, "a write has at most one condition");
        return -1;
    }
    if (given->absent)
        options->condition = MODDB_IF_ABSENT;
    if (given->present)
        options->condition = MODDB_IF_PRESENT;
    if (version) {
        options->condition = MODDB_IF_VERSION;
        options->if_version = PyLong_AsUnsignedLongLong(given->version);
        if (PyErr_Occurred())
            return -1;
    }
    if (value) {
        if (hold_value(&store->codec, given->value, &operation->if_value) < 0)
            return -1;
        options->condition = MODDB_IF_VALUE;
        options->if_value = operation->if_value.data;
        options->if_value_length = operation->if_value.length;
    }
    return 0;
}

static int read_get(PyObject *arguments, PyObject *keywords, struct operation *operation)
{
    static char *names[] = {"", NULL};

    return PyArg_ParseTupleAndKeywords(arguments, keywords, "O:get", names, &operation->key_object)
               ? 0
               : -1;
}

static int read_set(struct store *store, PyObject *arguments, PyObject *keywords,
                    struct operation *operation)
{
    static char *names[] = {"key",        "value",    "ttl",       "if_absent", "if_present",
                            "if_version", "if_value", "ephemeral", NULL};
    struct conditions given = {0, 0, NULL, NULL};
    PyObject *value, *ttl = NULL;
    int ephemeral = 0;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "OO|$OppOOp:set", names,
                                     &operation->key_object, &value, &ttl, &given.absent,
                                     &given.present, &given.version, &given.value, &ephemeral))
        return -1;
    operation->options.flags = ephemeral ? MODDB_EPHEMERAL : 0;
    if (hold_value(&store->codec, value, &operation->value) < 0 ||
        read_ttl(ttl, &operation->options.ttl_ms) < 0)
        return -1;
    return read_conditions(store, &given, operation);
}

static int read_delete(struct store *store, PyObject *arguments, PyObject *keywords,
                       struct operation *operation)
{
    static char *names[] = {"key", "if_version", "if_value", NULL};
    struct conditions given = {0, 0, NULL, NULL};

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$OO:delete", names,
                                     &operation->key_object, &given.version, &given.value))
        return -1;
    return read_conditions(store, &given, operation);
}

static int read_touch(struct store *store, PyObject *arguments, PyObject *keywords,
                      struct operation *operation)
{
    static char *names[] = {"key", "ttl", "if_version", "if_value", NULL};
    struct conditions given = {0, 0, NULL, NULL};
    PyObject *ttl = NULL;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|O$OO:touch", names,
                                     &operation->key_object, &ttl, &given.version, &given.value) ||
        read_ttl(ttl, &operation->options.ttl_ms) < 0)
        return -1;
    return read_conditions(store, &given, operation);
}

static int read_check(struct store *store, PyObject *arguments, PyObject *keywords,
                      struct operation *operation)
{
    static char *names[] = {"key", "if_absent", "if_present", "if_version", "if_value", NULL};
    struct conditions given = {0, 0, NULL, NULL};

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|$ppOO:check", names,
                                     &operation->key_object, &given.absent, &given.present,
                                     &given.version, &given.value))
        return -1;
    return read_conditions(store, &given, operation);
}

/* A bound of a counter; none for None. */
static int read_bound(PyObject *given, uint32_t flag, int64_t *bound, uint32_t *bounds)
{
    if (!given || given == Py_None)
        return 0;
    *bound = PyLong_AsLongLong(given);
    *bounds |= flag;
    return PyErr_Occurred() ? -1 : 0;
}

/* The conditions of a counter are in its own options. */
static int read_incr(struct store *store, PyObject *arguments, PyObject *keywords,
                     struct operation *operation)
{
    static char *names[] = {"key",      "delta",      "initial",   "minimum",    "maximum",
                            "ttl",      "ttl_if_new", "if_absent", "if_present", "if_version",
                            "if_value", "ephemeral",  NULL};
    struct moddb_incr_options *counting = &operation->counting;
    struct moddb_write_options *options = &operation->options;
    struct conditions given = {0, 0, NULL, NULL};
    PyObject *minimum = NULL, *maximum = NULL, *ttl = NULL;
    long long delta = 1, initial = 0;
    int ephemeral = 0, ttl_if_new = 0;

    if (!PyArg_ParseTupleAndKeywords(arguments, keywords, "O|L$LOOOpppOOp:incr", names,
                                     &operation->key_object, &delta, &initial, &minimum, &maximum,
                                     &ttl, &ttl_if_new, &given.absent, &given.present,
                                     &given.version, &given.value, &ephemeral))
        return -1;
    operation->delta = delta;
    counting->initial = initial;
    counting->flags = (ephemeral ? MODDB_EPHEMERAL : 0) | (ttl_if_new ? MODDB_TTL_IF_NEW : 0);
    if (read_bound(minimum, MODDB_BOUND_MINIMUM, &counting->minimum, &counting->bounds) < 0 ||
        read_bound(maximum, MODDB_BOUND_MAXIMUM, &counting->maximum, &counting->bounds) < 0 ||
        read_ttl(ttl, &counting->ttl_ms) < 0 || read_conditions(store, &given, operation) < 0)
        return -1;
    counting->condition = options->condition;
    counting->if_version = options->if_version;
    counting->if_value = options->if_value;
    counting->if_value_length = options->if_value_length;
    options->condition = MODDB_IF_ALWAYS;
    return 0;
}

static int read_arguments(struct store *store, PyObject *arguments, PyObject *keywords,
                          struct operation *operation)
{
    switch (operation->kind) {
    case OPERATION_GET:
        return read_get(arguments, keywords, operation);
    case OPERATION_SET:
        return read_set(store, arguments, keywords, operation);
    case OPERATION_DELETE:
        return read_delete(store, arguments, keywords, operation);
    case OPERATION_INCR:
        return read_incr(store, arguments, keywords, operation);
    case OPERATION_TOUCH:
        return read_touch(store, arguments, keywords, operation);
    case OPERATION_CHECK:
        return read_check(store, arguments, keywords, operation);
    }
    PyErr_SetString(PyExc_ValueError, "no such operation");
    return -1;
}

int read_operation(struct store *store, enum operation_kind kind, PyObject *arguments,
                   PyObject *keywords, struct operation *operation)
{
    *operation = (struct operation){.kind = kind,
                                    .options = MODDB_INIT(operation->options),
                                    .counting = MODDB_INIT(operation->counting)};
    if (read_arguments(store, arguments, keywords, operation) < 0)
        return -1;
    return hold_key(&store->codec, operation->key_object, &operation->key);
}

void release_operation(struct operation *operation)
{
    release_held(&operation->key);
    release_held(&operation->value);
    release_held(&operation->if_value);
}
