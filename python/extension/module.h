/* SPDX-License-Identifier: MIT */
/* The module's state, and raising its exceptions, for all parts of the extension. */

#ifndef MODDB_PYTHON_MODULE_H
#define MODDB_PYTHON_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdint.h>

struct module_state {
    PyObject *from_errno; /* moddb.errors.from_errno */
    PyObject *forked;     /* moddb.errors.Forked */
    PyObject *entry;      /* moddb.entry.Entry */
    PyObject *roomy;      /* moddb.roomy.ROOMY */
    PyObject *store;      /* the type Store */
};

extern struct PyModuleDef moddb_extension;

/* Makes a type of this module from its specification, and adds it to the module; a new reference
 * or NULL with an exception. */
PyObject *add_type(PyObject *module, PyType_Spec *spec);

/* The module that defines a base of the type; a borrowed reference, or NULL with TypeError. */
PyObject *module_of_type(PyTypeObject *type);

static inline struct module_state *state_of(PyObject *module)
{
    return PyModule_GetState(module);
}

/* A failure, as the C interface reports it. */
struct failure {
    int error;           /* a negative errno */
    const char *message; /* may be NULL */
    PyObject *key;       /* may be NULL */
    uint64_t version;    /* with -ECANCELED */
    PyObject *value;     /* with -ECANCELED; may be NULL */
};

/* The exception for a failure: a new reference, or NULL with another exception. */
PyObject *make_error(PyObject *module, const struct failure *failure);

/* Raises it; returns NULL. */
PyObject *raise_error(PyObject *module, const struct failure *failure);

#endif
