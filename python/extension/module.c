/* SPDX-License-Identifier: MIT */
/*
 * The module moddb._moddb: libmoddb for the Python modules beside it, which are what programs
 * import.  It keeps to CPython's limited API of 3.11, so that one file serves all later versions.
 */
#include "module.h"
#include "session.h"
#include "store.h"

static PyObject *forget_parent(PyObject *module, PyObject *arguments)
{
    (void)module;
    (void)arguments;
    sessions_forget_parent();
    Py_RETURN_NONE;
}

static PyObject *library_version(PyObject *module, PyObject *arguments)
{
    (void)module;
    (void)arguments;
    return PyUnicode_FromString(moddb_version());
}

static PyMethodDef functions[] = {
    {"forget_parent", forget_parent, METH_NOARGS,
     PyDoc_STR("forget_parent($module, /)\n--\n\n"
               "Closes the sessions that a forked child inherited.")},
    {"library_version", library_version, METH_NOARGS,
     PyDoc_STR("library_version($module, /)\n--\n\n"
               "The version of libmoddb.")},
    {NULL, NULL, 0, NULL},
};

int add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);
    int result;

    if (!type)
        return -1;
    result = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return result;
}

PyObject *module_of_type(PyTypeObject *type)
{
    PyObject *module;

    for (; type; type = PyType_GetSlot(type, Py_tp_base)) {
        module = PyType_GetModule(type);
        if (module && PyModule_GetDef(module) == &moddb_extension)
            return module;
        PyErr_Clear();
    }
    PyErr_SetString(PyExc_TypeError, "not a type of moddb");
    return NULL;
}

/* An attribute of another module: a new reference, or NULL with an exception. */
static PyObject *import_from(const char *name, const char *attribute)
{
    PyObject *module = PyImport_ImportModule(name);
    PyObject *result;

    if (!module)
        return NULL;
    result = PyObject_GetAttrString(module, attribute);
    Py_DECREF(module);
    return result;
}

static int execute(PyObject *module)
{
    struct module_state *state = state_of(module);

    state->from_errno = import_from("moddb.errors", "from_errno");
    state->forked = import_from("moddb.errors", "Forked");
    state->entry = import_from("moddb.entry", "Entry");
    if (!state->from_errno || !state->forked || !state->entry)
        return -1;
    if (PyModule_AddIntConstant(module, "TXN_MAX", MODDB_TXN_MAX) < 0 ||
        PyModule_AddIntConstant(module, "INLINE_MAX", MODDB_INLINE_MAX) < 0)
        return -1;
    return add_type(module, &store_spec);
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct module_state *state = state_of(module);

    Py_VISIT(state->from_errno);
    Py_VISIT(state->forked);
    Py_VISIT(state->entry);
    return 0;
}

static int clear(PyObject *module)
{
    struct module_state *state = state_of(module);

    Py_CLEAR(state->from_errno);
    Py_CLEAR(state->forked);
    Py_CLEAR(state->entry);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {0, NULL},
};

struct PyModuleDef moddb_extension = {
    PyModuleDef_HEAD_INIT,
    .m_name = "moddb._moddb",
    .m_doc = PyDoc_STR("libmoddb, for the modules of the package moddb."),
    .m_size = sizeof(struct module_state),
    .m_methods = functions,
    .m_slots = slots,
    .m_traverse = traverse,
    .m_clear = clear,
};

PyMODINIT_FUNC PyInit__moddb(void)
{
    return PyModuleDef_Init(&moddb_extension);
}
