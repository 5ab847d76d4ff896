/* SPDX-License-Identifier: MIT */
/*
 * Watches.  One thread at a time reads a watch; any may close it.  A wait is cut into pieces, after
 * each of which the reader checks for signals and for a close by another thread: if either comes
 * just before the system call begins to wait, the call does not notice it.
 */
#include "watch.h"
#include "store.h"

#include <errno.h>
#include <math.h>
#include <time.h>
#include <unistd.h>

#define PIECE_MS 200

struct watch {
    PyObject_HEAD struct store *store; /* for its codec */
    struct moddb_watch *watch;         /* NULL once closed */
    struct moddb_event event;          /* its pointers are valid until the next read */
    bool has_event;                    /* the caller does not have it yet */
    bool is_used;                      /* by a thread, which closes it afterwards if is_closing */
    bool is_closing;
};

static int64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

/* ---------------------------------------------------------------- events */

static PyObject *key_of(const struct watch *watch, const struct moddb_event *event)
{
    if (!event->key_length)
        Py_RETURN_NONE;
    return decode_key(&watch->store->codec, event->key, event->key_length);
}

/* A moddb.Entry, or None if the event has no value. */
static PyObject *entry_of(const struct watch *watch, const struct moddb_event *event)
{
    struct moddb_info info = MODDB_INIT(info);

    if (!event->has_value)
        Py_RETURN_NONE;
    info.version = event->version;
    info.mtime_ns = event->mtime_ns;
    info.ttl_ms = event->ttl_ms;
    info.uid = event->uid;
    info.pid = event->pid;
    info.flags = event->flags;
    return store_entry(
        watch->store, decode_value(&watch->store->codec, event->value, event->value_length), &info);
}

/* A later module may report other kinds, which have no name here. */
static const char *kind_of(const struct moddb_event *event)
{
    static const char *const names[] = {
        [MODDB_EVENT_SET] = "set",           [MODDB_EVENT_DEL] = "del",
        [MODDB_EVENT_EXPIRED] = "expired",   [MODDB_EVENT_EVICTED] = "evicted",
        [MODDB_EVENT_RELEASED] = "released", [MODDB_EVENT_OVERRUN] = "overrun",
        [MODDB_EVENT_SYNC] = "sync",         [MODDB_EVENT_ENDED] = "ended",
        [MODDB_EVENT_CLEARED] = "cleared",
    };

    return event->kind < sizeof(names) / sizeof(names[0]) ? names[event->kind] : NULL;
}

/* (kind, key, entry, version, uid, pid, is_initial) */
static PyObject *tuple_of(const struct watch *watch, const struct moddb_event *event)
{
    PyObject *key = key_of(watch, event);
    PyObject *entry = key ? entry_of(watch, event) : NULL;

    if (!entry) {
        Py_XDECREF(key);
        return NULL;
    }
    return Py_BuildValue("zNNKIIN", kind_of(event), key, entry, (unsigned long long)event->version,
                         event->uid, event->pid, PyBool_FromLong(event->is_initial));
}

/* ------------------------------------------------------------------ read */

static void close_watch(struct watch *watch)
{
    moddb_watch_close(watch->watch);
    watch->watch = NULL;
    watch->has_event = false;
}

/* Around a call that may wait: no Python between these two, and no other thread uses the watch. */
static PyThreadState *begin_use(struct watch *watch)
{
    watch->is_used = true;
    return PyEval_SaveThread();
}

static void end_use(struct watch *watch, PyThreadState *thread)
{
    PyEval_RestoreThread(thread);
    watch->is_used = false;
    if (watch->is_closing)
        close_watch(watch);
}

static PyObject *failed(const struct watch *watch, int error)
{
    const struct failure failure = {.error = error,
                                    .message = moddb_watch_error_text(watch->watch)};

    return raise_error(watch->store->module, &failure);
}

static int check_usable(const struct watch *watch)
{
    if (watch->is_used)
        PyErr_SetString(PyExc_RuntimeError, "another thread uses this watch");
    else if (!watch->watch)
        PyErr_SetString(PyExc_ValueError, "the watch was closed");
    else
        return 0;
    return -1;
}

/* The event that was read, repeatedly until the caller confirms it: a signal handler may raise an
 * exception before that, and then the event must not be lost.  An event that its codec refuses is
 * not kept. */
static PyObject *give_event(struct watch *watch)
{
    const struct moddb_event event = watch->event;
    PyObject *tuple = tuple_of(watch, &event);

    if (!tuple && PyErr_ExceptionMatches(PyExc_Exception))
        watch->has_event = false;
    return tuple;
}

/* Reads an event before the deadline, None after it. */
static PyObject *read_until(struct watch *watch, int64_t deadline)
{
    for (;;) {
        const int64_t left = deadline - now_ms();
        PyThreadState *thread;
        int result;

        if (check_usable(watch) < 0)
            return NULL;
        if (watch->has_event)
            return give_event(watch);
        const int piece = left <= 0 ? 0 : left < PIECE_MS ? (int)left : PIECE_MS;

        thread = begin_use(watch);
        watch->event = (struct moddb_event)MODDB_INIT(watch->event);
        result = moddb_watch_read(watch->watch, &watch->event, piece);
        end_use(watch, thread);
        if (!watch->watch)
            continue;
        watch->has_event = result > 0;
        if (result > 0)
            continue;
        if (result < 0 && result != -EINTR)
            return failed(watch, result);
        if (PyErr_CheckSignals() < 0)
            return NULL;
        if (result == 0 && left <= PIECE_MS)
            Py_RETURN_NONE;
    }
}

static PyObject *watch_next_event(PyObject *self, PyObject *timeout)
{
    double seconds = 1e9;

    if (timeout != Py_None) {
        seconds = PyFloat_AsDouble(timeout);
        if (seconds == -1.0 && PyErr_Occurred())
            return NULL;
    }
    if (isnan(seconds)) {
        PyErr_SetString(PyExc_ValueError, "a timeout is a number of seconds");
        return NULL;
    }
    seconds = seconds < 0 ? 0 : seconds > 1e9 ? 1e9 : seconds;
    return read_until((struct watch *)self, now_ms() + (int64_t)ceil(seconds * 1e3));
}

static PyObject *watch_sync(PyObject *self, PyObject *unused)
{
    struct watch *watch = (struct watch *)self;
    PyThreadState *thread;
    int error;

    (void)unused;
    if (check_usable(watch) < 0)
        return NULL;
    if (watch->has_event)
        return PyErr_Format(PyExc_RuntimeError, "read() was interrupted; call it before sync()");
    thread = begin_use(watch);
    error = moddb_watch_sync(watch->watch);
    end_use(watch, thread);
    if (check_usable(watch) < 0)
        return NULL;
    if (error < 0)
        return failed(watch, error);
    Py_RETURN_NONE;
}

static PyObject *watch_fileno(PyObject *self, PyObject *unused)
{
    struct watch *watch = (struct watch *)self;

    (void)unused;
    if (!watch->watch) {
        PyErr_SetString(PyExc_ValueError, "the watch was closed");
        return NULL;
    }
    return PyLong_FromLong(moddb_watch_fd(watch->watch));
}

static PyObject *watch_revision(PyObject *self, void *closure)
{
    (void)closure;
    return PyLong_FromUnsignedLongLong(moddb_watch_revision(((struct watch *)self)->watch));
}

/* -------------------------------------------------------------- lifetime */

static PyObject *watch_close(PyObject *self, PyObject *unused)
{
    struct watch *watch = (struct watch *)self;

    (void)unused;
    if (watch->is_used)
        watch->is_closing = true;
    else
        close_watch(watch);
    Py_RETURN_NONE;
}

/* A watch that another thread of the parent was reading may be half changed. */
static PyObject *watch_forget(PyObject *self, PyObject *unused)
{
    struct watch *watch = (struct watch *)self;

    if (!watch->is_used)
        return watch_close(self, unused);
    close(moddb_watch_fd(watch->watch));
    watch->watch = NULL;
    watch->is_used = false;
    Py_RETURN_NONE;
}

static int open_watch(struct watch *watch, const struct moddb_watch_options *options)
{
    struct session *session = store_session(watch->store, false);
    PyThreadState *thread;
    int error;

    if (!session)
        return -1;
    thread = session_enter(session);
    error = moddb_watch_open(session->handle, options, &watch->watch);
    PyEval_RestoreThread(thread);
    if (error < 0)
        store_failed(watch->store, session, error, NULL);
    session_leave(session);
    return error < 0 ? -1 : 0;
}

/* Reads where the watch begins; since may be None. */
static int read_beginning(bool initial, PyObject *since, struct moddb_watch_options *options)
{
    if (initial)
        options->flags |= MODDB_WATCH_INITIAL;
    if (since == Py_None)
        return 0;
    if (!initial)
        options->flags |= MODDB_WATCH_RESUME;
    options->since = PyLong_AsUnsignedLongLong(since);
    return PyErr_Occurred() ? -1 : 0;
}

static PyObject *watch_new(PyTypeObject *type, PyObject *arguments, PyObject *keywords)
{
    static char *names[] = {"store", "key", "is_key", "initial", "since", NULL};
    struct moddb_watch_options options = MODDB_INIT(options);
    PyObject *module = module_of_type(type), *key;
    allocfunc allocate = PyType_GetSlot(type, Py_tp_alloc);
    struct held held = HELD_NONE;
    int is_key, initial;
    struct store *store;
    struct watch *watch;
    PyObject *since;

    if (!module ||
        !PyArg_ParseTupleAndKeywords(arguments, keywords, "O!OppO", names, state_of(module)->store,
                                     &store, &key, &is_key, &initial, &since) ||
        read_beginning(initial, since, &options) < 0)
        return NULL;
    options.flags |= is_key ? MODDB_WATCH_KEY : 0;
    watch = (struct watch *)allocate(type, 0);
    if (!watch)
        return NULL;
    Py_INCREF((PyObject *)store);
    watch->store = store;
    if (key == Py_None || hold_key(&store->codec, key, &held) == 0) {
        options.key = held.data;
        options.key_length = held.length;
        if (open_watch(watch, &options) == 0) {
            release_held(&held);
            return (PyObject *)watch;
        }
    }
    release_held(&held);
    Py_DECREF(watch);
    return NULL;
}

static int watch_traverse(PyObject *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(((struct watch *)self)->store);
    return 0;
}

static void watch_dealloc(PyObject *self)
{
    struct watch *watch = (struct watch *)self;
    PyTypeObject *type = Py_TYPE(self);
    freefunc release = PyType_GetSlot(type, Py_tp_free);

    PyObject_GC_UnTrack(self);
    moddb_watch_close(watch->watch);
    Py_CLEAR(watch->store);
    release(self);
    Py_DECREF(type);
}

static PyObject *watch_has_event(PyObject *self, void *closure)
{
    (void)closure;
    return PyBool_FromLong(((struct watch *)self)->has_event);
}

static int watch_set_has_event(PyObject *self, PyObject *value, void *closure)
{
    const int truth = value ? PyObject_IsTrue(value) : -1;

    (void)closure;
    if (truth != 0) {
        if (!PyErr_Occurred())
            PyErr_SetString(PyExc_ValueError, "only False can be set");
        return -1;
    }
    ((struct watch *)self)->has_event = false;
    return 0;
}

static PyGetSetDef attributes[] = {
    {"has_event", watch_has_event, watch_set_has_event,
     PyDoc_STR(
         "Whether next_event() returned an event, and will again until this is set to False."),
     NULL},
    {"revision", watch_revision, NULL,
     PyDoc_STR("The revision at which the watch began; 0 once it is closed."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static PyMethodDef methods[] = {
    {"next_event", watch_next_event, METH_O,
     PyDoc_STR("next_event($self, timeout, /)\n--\n\n"
               "The next event as a tuple, or None after timeout seconds; see Watch.read().")},
    {"sync", watch_sync, METH_NOARGS,
     PyDoc_STR("sync($self, /)\n--\n\n"
               "Requests a 'sync' event, which follows all changes made before this call.")},
    {"fileno", watch_fileno, METH_NOARGS,
     PyDoc_STR("fileno($self, /)\n--\n\n"
               "A descriptor that becomes readable when an event arrives; poll it only after\n"
               "read(0) returned None.")},
    {"close", watch_close, METH_NOARGS,
     PyDoc_STR("close($self, /)\n--\n\n"
               "Ends the watch; a thread that reads it gets ValueError soon after.")},
    {"forget", watch_forget, METH_NOARGS,
     PyDoc_STR("forget($self, /)\n--\n\n"
               "Closes the watch in a forked child.")},
    {"__class_getitem__", Py_GenericAlias, METH_O | METH_CLASS, PyDoc_STR("See PEP 585.")},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_doc, "The events of a database; programs use moddb.Watch, which is built on it."},
    {Py_tp_new, watch_new},
    {Py_tp_dealloc, watch_dealloc},
    {Py_tp_traverse, watch_traverse},
    {Py_tp_methods, methods},
    {Py_tp_getset, attributes},
    {0, NULL},
};

PyType_Spec watch_spec = {
    .name = "moddb._moddb.Watch",
    .basicsize = sizeof(struct watch),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC,
    .slots = slots,
};
