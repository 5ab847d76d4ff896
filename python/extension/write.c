/* SPDX-License-Identifier: MIT */
/* The writes of one key.  Ephemeral ones go through the session that all threads share. */
#include "write.h"

#include <errno.h>

static int call_once(struct session *session, const struct operation *operation,
                     struct moddb_write_result *result, struct outcome *outcome)
{
    const struct held *key = &operation->key;
    const struct held *value = &operation->value;
    const struct moddb_write_options *options = &operation->options;
    struct moddb_previous *previous = outcome->previous;

    switch (operation->kind) {
    case OPERATION_SET:
        if (previous)
            return moddb_swap(session->handle, key->data, key->length, value->data, value->length,
                              options, result, previous);
        return moddb_set(session->handle, key->data, key->length, value->data, value->length,
                         options, result);
    case OPERATION_DELETE:
        if (previous)
            return moddb_take(session->handle, key->data, key->length, options, result, previous);
        return moddb_del(session->handle, key->data, key->length, options, result);
    case OPERATION_INCR:
        return moddb_incr(session->handle, key->data, key->length, operation->delta,
                          &operation->counting, &outcome->number, &result->version);
    case OPERATION_TOUCH:
        return moddb_touch(session->handle, key->data, key->length, options, result);
    default:
        return -EINVAL;
    }
}

/* Requests the current value in case the condition fails, if the caller may read it. */
static int call_conditional(struct session *session, const struct operation *operation,
                            struct moddb_write_result *result, struct outcome *outcome)
{
    int error = call_once(session, operation, result, outcome);

    if (error != -EACCES)
        return error;
    *result = (struct moddb_write_result)MODDB_INIT(*result);
    return call_once(session, operation, result, outcome);
}

static PyObject *decode_current(const struct store *store, const struct moddb_write_result *result)
{
    PyObject *value;

    if (!result->has_current)
        return NULL;
    value = decode_value(&store->codec, result->current, result->current_length);
    /* Another program's value need not be of this codec. */
    if (!value)
        PyErr_Clear();
    return value;
}

static int fail(struct store *store, const struct session *session,
                const struct operation *operation, int error, const struct outcome *outcome)
{
    const struct failure failure = {.error = error,
                                    .message = moddb_error_text(session->handle),
                                    .key = operation->key_object,
                                    .version = outcome->version,
                                    .value = outcome->current};

    if (error == -ENOENT)
        PyErr_SetObject(PyExc_KeyError, operation->key_object);
    else
        raise_error(store->module, &failure);
    return -1;
}

/* The previous value is longer than the caller's buffer, so nothing was done. */
static bool is_too_long(int error, const struct moddb_previous *previous)
{
    return error == -EMSGSIZE && previous && previous->value_length > previous->value_size;
}

int run_operation(struct store *store, const struct operation *operation, struct outcome *outcome)
{
    struct session *session = store_session(store, is_ephemeral(operation));
    struct moddb_write_result result = MODDB_INIT(result);
    const bool conditional = operation->options.condition != MODDB_IF_ALWAYS;
    PyThreadState *thread;
    int error;

    if (!session)
        return -1;
    if (conditional) {
        result.current_size = MODDB_INLINE_MAX;
        result.current = PyMem_Malloc(result.current_size);
        if (!result.current) {
            PyErr_NoMemory();
            return -1;
        }
    }
    void *const buffer = result.current;

    thread = session_enter(session);
    if (conditional)
        error = call_conditional(session, operation, &result, outcome);
    else
        error = call_once(session, operation, &result, outcome);
    PyEval_RestoreThread(thread);
    outcome->version = result.version;
    if (error == 0) {
        session->holds_ephemeral |= is_ephemeral(operation);
    } else if (!is_too_long(error, outcome->previous)) {
        if (error == -ECANCELED)
            outcome->current = decode_current(store, &result);
        fail(store, session, operation, error, outcome);
        Py_CLEAR(outcome->current);
    }
    session_leave(session);
    PyMem_Free(buffer);
    if (is_too_long(error, outcome->previous))
        return 1;
    return error ? -1 : 0;
}

int run_write(struct store *store, const struct operation *operation)
{
    struct outcome outcome = {0};

    return run_operation(store, operation, &outcome);
}

/* Reads the arguments of a method, and runs the operation. */
static int perform(PyObject *self, enum operation_kind kind, PyObject *arguments,
                   PyObject *keywords, struct outcome *outcome)
{
    struct store *store = (struct store *)self;
    struct operation operation;
    int result = read_operation(store, kind, arguments, keywords, &operation);

    if (result == 0)
        result = run_operation(store, &operation, outcome);
    release_operation(&operation);
    return result;
}

static PyObject *version_of(PyObject *self, enum operation_kind kind, PyObject *arguments,
                            PyObject *keywords)
{
    struct outcome outcome = {0};

    if (perform(self, kind, arguments, keywords, &outcome) < 0)
        return NULL;
    return PyLong_FromUnsignedLongLong(outcome.version);
}

PyObject *store_set(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    return version_of(self, OPERATION_SET, arguments, keywords);
}

PyObject *store_delete(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    return version_of(self, OPERATION_DELETE, arguments, keywords);
}

PyObject *store_touch(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    struct outcome outcome = {0};

    if (perform(self, OPERATION_TOUCH, arguments, keywords, &outcome) < 0)
        return NULL;
    Py_RETURN_NONE;
}

PyObject *store_incr(PyObject *self, PyObject *arguments, PyObject *keywords)
{
    struct outcome outcome = {0};

    if (perform(self, OPERATION_INCR, arguments, keywords, &outcome) < 0)
        return NULL;
    return PyLong_FromLongLong(outcome.number);
}

int store_assign(PyObject *self, PyObject *key, PyObject *value)
{
    struct store *store = (struct store *)self;
    struct operation operation = {.kind = value ? OPERATION_SET : OPERATION_DELETE,
                                  .key_object = key,
                                  .options = MODDB_INIT(operation.options)};
    int result = hold_key(&store->codec, key, &operation.key);

    if (result == 0 && value)
        result = hold_value(&store->codec, value, &operation.value);
    if (result == 0)
        result = run_write(store, &operation);
    release_operation(&operation);
    return result;
}
