/* SPDX-License-Identifier: MIT */
/* The batches of set_many() and of transactions. */
#include "batch.h"

#include <errno.h>

int open_batch(struct store *store, bool shared, struct batch *batch)
{
    batch->operations = NULL;
    batch->session = store_session(store, shared);
    if (!batch->session)
        return -1;
    /* Enters without the interpreter's lock, which the threads that it waits for may need. */
    PyEval_RestoreThread(session_enter(batch->session));
    if (moddb_batch_new(batch->session->handle, &batch->operations) < 0) {
        session_leave(batch->session);
        PyErr_NoMemory();
        return -1;
    }
    return 0;
}

void close_batch(struct batch *batch)
{
    moddb_batch_free(batch->operations);
    session_leave(batch->session);
}

static int add(struct moddb_batch *batch, const struct operation *operation)
{
    const struct held *key = &operation->key;
    const struct moddb_write_options *options = &operation->options;

    switch (operation->kind) {
    case OPERATION_GET:
        return moddb_batch_get(batch, key->data, key->length, MODDB_OP_INFO);
    case OPERATION_SET:
        return moddb_batch_set(batch, key->data, key->length, operation->value.data,
                               operation->value.length, options, 0);
    case OPERATION_DELETE:
        return moddb_batch_del(batch, key->data, key->length, options, 0);
    case OPERATION_INCR:
        return moddb_batch_incr(batch, key->data, key->length, operation->delta,
                                &operation->counting);
    case OPERATION_TOUCH:
        return moddb_batch_touch(batch, key->data, key->length, options, 0);
    case OPERATION_CHECK:
        return moddb_batch_check(batch, key->data, key->length, options, 0);
    }
    return -EINVAL;
}

int add_to_batch(struct store *store, struct batch *batch, const struct operation *operation)
{
    const int result = add(batch->operations, operation);

    if (result >= 0)
        return 0;
    store_failed(store, batch->session, result, operation->key_object);
    return -1;
}

PyObject *batch_failed(struct store *store, const struct batch *batch, size_t index, PyObject *key)
{
    struct moddb_op_result result = MODDB_INIT(result);
    int error = moddb_batch_result(batch->operations, index, &result);

    if (error == 0)
        error = result.status;
    const struct failure failure = {
        .error = error, .message = result.text, .key = key, .version = result.version};

    return raise_error(store->module, &failure);
}
