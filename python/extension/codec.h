/* SPDX-License-Identifier: MIT */
/* Converts keys and values between Python objects and bytes, with a Database object's codec. */

#ifndef MODDB_PYTHON_CODEC_H
#define MODDB_PYTHON_CODEC_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stddef.h>

struct codec {
    bool text_keys;   /* str, else bytes */
    bool text_values; /* str, else bytes, if there are no functions */
    PyObject *encode; /* a function from a value to bytes, or NULL */
    PyObject *decode; /* its inverse, or NULL */
};

/* The bytes of a Python object, which must outlive this unless it owns a copy. */
struct held {
    const char *data;
    size_t length;
    PyObject *copy; /* or NULL */
    Py_buffer view; /* its obj is NULL if there is none */
};
#define HELD_NONE                                                                                  \
    {                                                                                              \
        NULL, 0, NULL,                                                                             \
        {                                                                                          \
            0                                                                                      \
        }                                                                                          \
    }

/* 0, or -1 with TypeError or the exception of the codec's function. */
int hold_key(const struct codec *codec, PyObject *key, struct held *held);
int hold_value(const struct codec *codec, PyObject *value, struct held *held);

/* Also for one that holds nothing. */
void release_held(struct held *held);

/* New references, or NULL with an exception. */
PyObject *decode_key(const struct codec *codec, const void *data, size_t length);
PyObject *decode_value(const struct codec *codec, const void *data, size_t length);

/* The same for a value that is in a bytes object already, whose reference it takes. */
PyObject *decode_bytes(const struct codec *codec, PyObject *bytes);

#endif
