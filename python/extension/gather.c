/* SPDX-License-Identifier: MIT */
#include "gather.h"

PyObject *gather(struct store *store, const struct session *session, next_item *next, void *source)
{
    PyObject *list = PyList_New(0), *item;
    int more = 1, failed = 0;

    while (list && !failed && (item = next(source, &more))) {
        failed = PyList_Append(list, item);
        Py_DECREF(item);
    }
    if (list && more < 0)
        store_failed(store, session, more, NULL);
    if (more != 0)
        Py_CLEAR(list);
    return list;
}
