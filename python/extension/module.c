/* SPDX-License-Identifier: MIT */
/*
 * The module moddb._moddb: libmoddb for the Python modules of the package, which programs import.
 * It keeps to CPython's limited API of 3.11, so that one file works with all later versions.
 */
#include "module.h"
#include "cached.h"
#include "session.h"
#include "store.h"
#include "watch.h"
#include "write.h"

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

PyObject *add_type(PyObject *module, PyType_Spec *spec)
{
    PyObject *type = PyType_FromModuleAndSpec(module, spec, NULL);

    if (type && PyModule_AddType(module, (PyTypeObject *)type) < 0)
        Py_CLEAR(type);
    return type;
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

/* The types that the module's state does not need. */
static PyType_Spec *const specs[] = {&cached_spec, &watch_spec};

static int add_constants(PyObject *module)
{
    static const struct {
        const char *name;
        long value;
    } constants[] = {
        {"INLINE_MAX", MODDB_INLINE_MAX},     {"TXN_MAX", MODDB_TXN_MAX},
        {"LISTING_KEYS", LISTING_KEYS},       {"LISTING_VALUES", LISTING_VALUES},
        {"LISTING_ENTRIES", LISTING_ENTRIES}, {"OPERATION_GET", OPERATION_GET},
        {"OPERATION_SET", OPERATION_SET},     {"OPERATION_DELETE", OPERATION_DELETE},
        {"OPERATION_INCR", OPERATION_INCR},   {"OPERATION_TOUCH", OPERATION_TOUCH},
        {"OPERATION_CHECK", OPERATION_CHECK},
    };

    for (size_t i = 0; i < sizeof(constants) / sizeof(constants[0]); i++)
        if (PyModule_AddIntConstant(module, constants[i].name, constants[i].value) < 0)
            return -1;
    return 0;
}

static int execute(PyObject *module)
{
    struct module_state *state = state_of(module);

    state->from_errno = import_from("moddb.errors", "from_errno");
    state->forked = import_from("moddb.errors", "Forked");
    state->entry = import_from("moddb.entry", "Entry");
    state->roomy = import_from("moddb.roomy", "ROOMY");
    if (!state->from_errno || !state->forked || !state->entry || !state->roomy)
        return -1;
    if (add_constants(module) < 0)
        return -1;
    state->store = add_type(module, &store_spec);
    if (!state->store)
        return -1;
    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        PyObject *type = add_type(module, specs[i]);

        if (!type)
            return -1;
        Py_DECREF(type);
    }
    return 0;
}

static int traverse(PyObject *module, visitproc visit, void *arg)
{
    struct module_state *state = state_of(module);

    Py_VISIT(state->from_errno);
    Py_VISIT(state->forked);
    Py_VISIT(state->entry);
    Py_VISIT(state->roomy);
    Py_VISIT(state->store);
    return 0;
}

static int clear(PyObject *module)
{
    struct module_state *state = state_of(module);

    Py_CLEAR(state->from_errno);
    Py_CLEAR(state->forked);
    Py_CLEAR(state->entry);
    Py_CLEAR(state->roomy);
    Py_CLEAR(state->store);
    return 0;
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
#ifdef Py_mod_gil
    /* The interpreter's lock protects the sessions: a free-threaded interpreter must enable it. */
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
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
