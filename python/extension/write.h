/* SPDX-License-Identifier: MIT */
/* One operation with its arguments: a separate call, or part of a transaction. */

#ifndef MODDB_PYTHON_WRITE_H
#define MODDB_PYTHON_WRITE_H

#include "store.h"

enum operation_kind {
    OPERATION_GET,
    OPERATION_SET,
    OPERATION_DELETE,
    OPERATION_INCR,
    OPERATION_TOUCH,
    OPERATION_CHECK,
};

struct operation {
    enum operation_kind kind;
    PyObject *key_object; /* borrowed from the arguments */
    struct held key;
    struct held value;
    struct held if_value;
    struct moddb_write_options options;
    struct moddb_incr_options counting;
    int64_t delta;
};

/* Reads the arguments of a method of Store; 0, or -1 with an exception.  The operation must be
 * released in either case, and is valid as long as the arguments. */
int read_operation(struct store *store, enum operation_kind kind, PyObject *arguments,
                   PyObject *keywords, struct operation *operation);
void release_operation(struct operation *operation);

/* Whether it makes an ephemeral entry. */
static inline bool is_ephemeral(const struct operation *operation)
{
    return (operation->options.flags | operation->counting.flags) & MODDB_EPHEMERAL;
}

struct outcome {
    struct moddb_previous *previous; /* the caller's, to be filled in by a set or delete; or NULL */
    uint64_t version;
    int64_t number;
    PyObject *current; /* with -ECANCELED: the current value, or NULL */
};

/* Runs an operation that writes; 0, or -1 with an exception.  1 if the previous value is longer
 * than outcome->previous has room for: nothing was done. */
int run_operation(struct store *store, const struct operation *operation, struct outcome *outcome);

/* The same if the outcome is not needed. */
int run_write(struct store *store, const struct operation *operation);

/* Converts a time to live in seconds to milliseconds, None to 0; -1 with an exception. */
int read_ttl(PyObject *ttl, uint64_t *milliseconds);

#endif
