/* SPDX-License-Identifier: MIT */
/*
 * Keys of any bytes must survive the conversion to str and back: other programs write to the same
 * database, and one odd key must not break a listing.  So keys use surrogateescape, as file names
 * do.
 */
#include "codec.h"

static int hold_bytes(PyObject *object, struct held *held)
{
    held->data = PyBytes_AsString(object);
    if (!held->data)
        return -1;
    held->length = (size_t)Py_SIZE(object);
    return 0;
}

static int hold_copy(PyObject *bytes, struct held *held)
{
    held->copy = bytes;
    return bytes ? hold_bytes(bytes, held) : -1;
}

static int hold_text(PyObject *text, struct held *held)
{
    Py_ssize_t length;

    held->data = PyUnicode_AsUTF8AndSize(text, &length);
    held->length = (size_t)length;
    return held->data ? 0 : -1;
}

static int refuse(const char *what, const char *wanted, PyObject *object)
{
    PyErr_Format(PyExc_TypeError, "%s of this database must be %s, not %R", what, wanted,
                 (PyObject *)Py_TYPE(object));
    return -1;
}

int hold_key(const struct codec *codec, PyObject *key, struct held *held)
{
    if (!codec->text_keys) {
        if (hold_bytes(key, held) == 0)
            return 0;
        PyErr_Clear();
        return refuse("keys", "bytes", key);
    }
    if (!PyUnicode_Check(key))
        return refuse("keys", "str", key);
    if (hold_text(key, held) == 0)
        return 0;
    PyErr_Clear();
    return hold_copy(PyUnicode_AsEncodedString(key, "utf-8", "surrogateescape"), held);
}

int hold_value(const struct codec *codec, PyObject *value, struct held *held)
{
    if (codec->encode)
        return hold_copy(PyObject_CallFunctionObjArgs(codec->encode, value, NULL), held);
    if (codec->text_values)
        return PyUnicode_Check(value) ? hold_text(value, held) : refuse("values", "str", value);
    if (PyBytes_Check(value))
        return hold_bytes(value, held);
    if (!PyObject_CheckBuffer(value))
        return refuse("values", "bytes", value);
    if (PyObject_GetBuffer(value, &held->view, PyBUF_SIMPLE) < 0)
        return -1;
    held->data = held->view.buf;
    held->length = (size_t)held->view.len;
    return 0;
}

void release_held(struct held *held)
{
    Py_CLEAR(held->copy);
    if (held->view.obj)
        PyBuffer_Release(&held->view);
}

PyObject *decode_key(const struct codec *codec, const void *data, size_t length)
{
    if (codec->text_keys)
        return PyUnicode_DecodeUTF8(data, (Py_ssize_t)length, "surrogateescape");
    return PyBytes_FromStringAndSize(data, (Py_ssize_t)length);
}

PyObject *decode_value(const struct codec *codec, const void *data, size_t length)
{
    if (codec->text_values)
        return PyUnicode_DecodeUTF8(data, (Py_ssize_t)length, NULL);
    return decode_bytes(codec, PyBytes_FromStringAndSize(data, (Py_ssize_t)length));
}

PyObject *decode_bytes(const struct codec *codec, PyObject *bytes)
{
    PyObject *value;

    if (!bytes || !(codec->decode || codec->text_values))
        return bytes;
    if (codec->decode)
        value = PyObject_CallFunctionObjArgs(codec->decode, bytes, NULL);
    else
        value = PyUnicode_FromEncodedObject(bytes, "utf-8", "strict");
    Py_DECREF(bytes);
    return value;
}
