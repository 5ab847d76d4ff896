/* SPDX-License-Identifier: MIT */
/* Failures of the C interface become exceptions of moddb.errors. */
#include "module.h"

#include <string.h>

PyObject *make_error(PyObject *module, const struct failure *failure)
{
    const char *message = failure->message ? failure->message : strerror(-failure->error);
    /* A message may quote a key of any bytes. */
    PyObject *text = PyUnicode_DecodeUTF8(message, (Py_ssize_t)strlen(message), "backslashreplace");

    if (!text)
        return NULL;
    return PyObject_CallFunction(state_of(module)->from_errno, "iNOKO", -failure->error, text,
                                 failure->key ? failure->key : Py_None,
                                 (unsigned long long)failure->version,
                                 failure->value ? failure->value : Py_None);
}

PyObject *raise_error(PyObject *module, const struct failure *failure)
{
    PyObject *error = make_error(module, failure);

    if (error) {
        PyErr_SetObject((PyObject *)Py_TYPE(error), error);
        Py_DECREF(error);
    }
    return NULL;
}
