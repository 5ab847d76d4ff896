/* SPDX-License-Identifier: MIT */
/* A batch of the library, on the session that the caller's operations need. */

#ifndef MODDB_PYTHON_BATCH_H
#define MODDB_PYTHON_BATCH_H

#include "write.h"

struct batch {
    struct session *session;
    struct moddb_batch *operations;
};

/* Makes an empty batch, which holds its session until close_batch(); 0, or -1 with an exception. */
int open_batch(struct store *store, bool shared, struct batch *batch);
void close_batch(struct batch *batch);

/* Adds an operation, which is copied; 0, or -1 with an exception. */
int add_to_batch(struct store *store, struct batch *batch, const struct operation *operation);

/* Raises the failure of the operation at an index; returns NULL. */
PyObject *batch_failed(struct store *store, const struct batch *batch, size_t index, PyObject *key);

#endif
