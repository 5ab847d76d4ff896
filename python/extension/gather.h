/* SPDX-License-Identifier: MIT */
/* Collects items that the library returns one by one into a list. */

#ifndef MODDB_PYTHON_GATHER_H
#define MODDB_PYTHON_GATHER_H

#include "store.h"

/* The next item, as a new reference.  NULL with *more 0 at the end, with *more negative if the
 * library failed, else with an exception. */
typedef PyObject *next_item(void *source, int *more);

/* A list of all items, or NULL with an exception. */
PyObject *gather(struct store *store, const struct session *session, next_item *next, void *source);

#endif
