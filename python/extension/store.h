/* SPDX-License-Identifier: MIT */
/* The type Store: a database as a mapping, on which moddb.Database is built. */

#ifndef MODDB_PYTHON_STORE_H
#define MODDB_PYTHON_STORE_H

#include "codec.h"
#include "module.h"
#include "session.h"

struct store {
    PyObject_HEAD PyObject *module;
    struct codec codec;
    struct sessions sessions;
};

extern PyType_Spec store_spec;

/* The session of this thread, or the one that ephemeral entries belong to, opened at the first
 * use; NULL with an exception. */
struct session *store_session(struct store *store, bool shared);

/* Raises the last failure of a session; key may be NULL.  Returns NULL. */
PyObject *store_failed(struct store *store, const struct session *session, int error,
                       PyObject *key);

/* The value of a key: a new reference, or NULL with an exception; also NULL without one if the key
 * is missing. info may be NULL. */
PyObject *store_read(struct store *store, PyObject *key, struct moddb_info *info);

/* A moddb.Entry of this value, whose reference it takes. */
PyObject *store_entry(const struct store *store, PyObject *value, const struct moddb_info *info);

/* The parts of each entry that a listing returns. */
enum listing_what {
    LISTING_KEYS,
    LISTING_VALUES,
    LISTING_ENTRIES,
};

/* Methods of the type in other files. */
PyObject *store_set(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_delete(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_incr(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_touch(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_swap(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_take(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_set_many(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_commit(PyObject *self, PyObject *operations);
int store_assign(PyObject *self, PyObject *key, PyObject *value);
PyObject *store_get_many(PyObject *self, PyObject *keys);
PyObject *store_list(PyObject *self, PyObject *arguments);
PyObject *store_snapshot(PyObject *self, PyObject *prefix);
Py_ssize_t store_length(PyObject *self);
PyObject *store_clear(PyObject *self, PyObject *unused);
PyObject *store_delete_prefix(PyObject *self, PyObject *prefix);
PyObject *store_database_info(PyObject *self, PyObject *arguments);
PyObject *store_database_list(PyObject *self, PyObject *unused);
PyObject *store_database_create(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_database_alter(PyObject *self, PyObject *arguments, PyObject *keywords);
PyObject *store_database_delete(PyObject *self, PyObject *arguments);
PyObject *store_database_seal(PyObject *self, PyObject *arguments);
PyObject *store_database_replace(PyObject *self, PyObject *arguments);

/* session_enter() releases the interpreter's lock; nothing of Python may be used until the caller
 * has it again.  The session's message and state must be read before session_leave(). */
static inline PyThreadState *session_enter(struct session *session)
{
    PyThreadState *thread;

    ++session->users;
    thread = PyEval_SaveThread();
    if (session->is_shared)
        pthread_mutex_lock(&session->lock);
    return thread;
}

static inline void session_leave(struct session *session)
{
    if (session->is_shared)
        pthread_mutex_unlock(&session->lock);
    session_put(session);
}

#endif
