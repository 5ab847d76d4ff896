/* SPDX-License-Identifier: MIT */
/* What concerns a database as a whole. */
#include "store.h"

Py_ssize_t store_length(PyObject *self)
{
    struct store *store = (struct store *)self;
    struct moddb_database_info info = MODDB_INIT(info);
    struct session *session = store_session(store, false);
    PyThreadState *thread;
    int error;

    if (!session)
        return -1;
    thread = session_enter(session);
    error = moddb_database_get(session->handle, NULL, &info);
    PyEval_RestoreThread(thread);
    if (error < 0)
        store_failed(store, session, error, NULL);
    session_leave(session);
    return error < 0 ? -1 : (Py_ssize_t)info.keys;
}

PyObject *store_clear(PyObject *self, PyObject *unused)
{
    struct store *store = (struct store *)self;
    struct session *session = store_session(store, false);
    PyThreadState *thread;
    int error;

    (void)unused;
    if (!session)
        return NULL;
    thread = session_enter(session);
    error = moddb_database_clear(session->handle, NULL);
    PyEval_RestoreThread(thread);
    if (error < 0)
        store_failed(store, session, error, NULL);
    session_leave(session);
    if (error < 0)
        return NULL;
    Py_RETURN_NONE;
}
