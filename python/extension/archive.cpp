// SPDX-License-Identifier: MIT
//
// The module moddb._archive: saving and restoring databases with the command's own code. It is a
// module of its own, so that programs that do neither do not load the C++ runtime.

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "archive/failure.hpp"
#include "archive/reader.hpp"
#include "archive/restore.hpp"
#include "archive/save.hpp"
#include "archive/writer.hpp"
#include "descriptor.hpp"
#include "session.hpp"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <new>
#include <optional>
#include <string>
#include <sys/stat.h>
#include <vector>

namespace {

using namespace cli;

// A signal handler has raised a Python exception.
struct Raised {};

// Runs the handlers of signals while the interpreter's lock is released.
class Signals {
  public:
    Signals() : thread_(PyEval_SaveThread()) {}

    // Throws Raised.
    void check()
    {
        PyEval_RestoreThread(thread_);
        const bool raised = PyErr_CheckSignals() < 0;
        thread_ = PyEval_SaveThread();
        next_ = std::chrono::steady_clock::now() + interval;
        if (raised)
            throw Raised();
    }

    // Cheap enough to call for each entry.
    void check_if_due()
    {
        if (std::chrono::steady_clock::now() >= next_)
            check();
    }

    // Not a destructor: when the interpreter exits, the thread may end here.
    void end() { PyEval_RestoreThread(thread_); }

  private:
    // Taking the lock from other threads of Python may take several milliseconds.
    static constexpr auto interval = std::chrono::milliseconds(20);

    PyThreadState *thread_;
    std::chrono::steady_clock::time_point next_;
};

struct Problem {
    enum class Kind { raised, memory, file, damaged, library, other } kind;
    int error;
    std::string text;
};

// Runs the work without the interpreter's lock. Returns the problem if it failed.
template <typename Work>
std::optional<Problem> run_released(Work work)
{
    using Kind = Problem::Kind;
    std::optional<Problem> problem;
    Signals signals;
    // Not "...", which would also catch the cancellation of the thread.
    try {
        work(signals);
    } catch (const Raised &) {
        problem = Problem{Kind::raised, 0, ""};
    } catch (const archive::FileFailure &failure) {
        problem = Problem{Kind::file, failure.file_error(), failure.what()};
    } catch (const archive::DamagedFailure &failure) {
        problem = Problem{Kind::damaged, EBADMSG, failure.what()};
    } catch (const Failure &failure) {
        problem = Problem{failure.error() != 0 ? Kind::library : Kind::other, failure.error(),
                          failure.what()};
    } catch (const std::bad_alloc &) {
        problem = Problem{Kind::memory, 0, ""};
    } catch (const std::exception &error) {
        problem = Problem{Kind::other, 0, error.what()};
    }
    signals.end();
    return problem;
}

// Names and messages may have any bytes.
PyObject *text_of(const std::string &bytes)
{
    return PyUnicode_DecodeUTF8(bytes.data(), static_cast<Py_ssize_t>(bytes.size()),
                                "backslashreplace");
}

// Calls the function of this name in moddb.errors, which makes an exception. The name is interned,
// because the interpreter's cache of attributes keeps each string that is looked up.
PyObject *make_error(const char *name, int error, const std::string &text)
{
    PyObject *errors = PyImport_ImportModule("moddb.errors");
    PyObject *interned = PyUnicode_InternFromString(name);
    PyObject *function =
        errors == nullptr || interned == nullptr ? nullptr : PyObject_GetAttr(errors, interned);
    PyObject *made =
        function == nullptr ? nullptr : PyObject_CallFunction(function, "iN", error, text_of(text));
    Py_XDECREF(function);
    Py_XDECREF(interned);
    Py_XDECREF(errors);
    return made;
}

void raise_made(PyObject *error)
{
    if (error == nullptr)
        return;
    PyErr_SetObject(reinterpret_cast<PyObject *>(Py_TYPE(error)), error);
    Py_DECREF(error);
}

void raise(const Problem &problem)
{
    using Kind = Problem::Kind;
    switch (problem.kind) {
    case Kind::raised:
        break;
    case Kind::memory:
        PyErr_NoMemory();
        break;
    case Kind::file:
        raise_made(
            PyObject_CallFunction(PyExc_OSError, "iN", problem.error, text_of(problem.text)));
        break;
    case Kind::damaged:
        raise_made(make_error("DamagedArchive", problem.error, problem.text));
        break;
    case Kind::library:
        raise_made(make_error("from_errno", problem.error, problem.text));
        break;
    case Kind::other:
        PyErr_SetString(PyExc_RuntimeError, problem.text.c_str());
        break;
    }
}

// ---------------------------------------------------------------------- save

struct Report {
    struct Database {
        std::string name;
        std::uint64_t revision;
    };
    struct Inexact {
        std::string name, reason;
    };
    struct Omitted {
        std::string name;
        int error;
        std::string reason;
    };
    std::vector<Database> saved;
    std::vector<Inexact> inexact;
    std::vector<Omitted> omitted;
};

class Observer final : public archive::SaveObserver {
  public:
    Observer(Signals &signals, Report &report) : signals_(signals), report_(report) {}

    void begin(const std::string &database, std::uint64_t revision, std::uint64_t) override
    {
        report_.saved.push_back({database, revision});
        signals_.check_if_due();
    }
    void progress(std::uint64_t) override { signals_.check_if_due(); }
    void inexact(const std::string &database, const std::string &reason) override
    {
        report_.inexact.push_back({database, reason});
    }
    void omitted(const std::string &database, const Failure &failure) override
    {
        report_.omitted.push_back({database, failure.error(), failure.what()});
    }
    void interrupted() override { signals_.check(); }

  private:
    Signals &signals_;
    Report &report_;
};

// A list of the function's results for all items; null with an exception.
template <typename Item, typename Make>
PyObject *list_of(const std::vector<Item> &items, Make make)
{
    PyObject *list = PyList_New(static_cast<Py_ssize_t>(items.size()));
    for (std::size_t index = 0; list != nullptr && index < items.size(); ++index) {
        PyObject *made = make(items[index]);
        if (made == nullptr || PyList_SetItem(list, static_cast<Py_ssize_t>(index), made) < 0)
            Py_CLEAR(list);
    }
    return list;
}

PyObject *result_of(const Report &report)
{
    PyObject *saved = list_of(report.saved, [](const Report::Database &database) {
        return Py_BuildValue("NK", text_of(database.name),
                             static_cast<unsigned long long>(database.revision));
    });
    PyObject *inexact = list_of(report.inexact, [](const Report::Inexact &database) {
        return Py_BuildValue("NN", text_of(database.name), text_of(database.reason));
    });
    PyObject *omitted = list_of(report.omitted, [](const Report::Omitted &database) {
        return Py_BuildValue("NN", text_of(database.name),
                             make_error("from_errno", database.error, database.reason));
    });
    // Releases the others if one is null.
    return Py_BuildValue("NNN", saved, inexact, omitted);
}

// Appends the names; false with an exception if one is not a name.
bool read_names(PyObject *given, std::vector<std::string> &names)
{
    for (Py_ssize_t index = 0; index < PyList_Size(given); ++index) {
        Py_ssize_t length;
        const char *name = PyUnicode_AsUTF8AndSize(PyList_GetItem(given, index), &length);
        if (name == nullptr)
            return false;
        if (length == 0 || std::strlen(name) != static_cast<std::size_t>(length)) {
            PyErr_SetString(PyExc_ValueError, "not the name of a database");
            return false;
        }
        names.emplace_back(name, length);
    }
    return true;
}

PyObject *save(PyObject *, PyObject *arguments)
{
    const char *path;
    const char *transport;
    PyObject *given;
    if (PyArg_ParseTuple(arguments, "ysO:save", &path, &transport, &given) == 0)
        return nullptr;
    std::vector<std::string> names;
    if (given != Py_None && !PyList_Check(given))
        return PyErr_Format(PyExc_TypeError, "names must be a list or None");
    if (given != Py_None && !read_names(given, names))
        return nullptr;
    Report report;
    const auto problem = run_released([&](Signals &signals) {
        Observer observer(signals, report);
        // Before the file is touched, so that this fails first without the module.
        const Session session(transport, "");
        archive::Writer writer{std::string(path)};
        if (given == Py_None)
            archive::save_all(session, transport, writer, observer);
        else
            archive::save_named(transport, names, writer, observer);
        writer.commit();
    });
    if (!problem)
        return result_of(report);
    raise(*problem);
    return nullptr;
}

// ------------------------------------------------------------------- restore

// Opens only regular files: no signal could interrupt waiting for the writer of a pipe.
archive::Reader open_archive(const std::string &path)
{
    const int descriptor = above_standard(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (descriptor >= 0 && ::fstat(descriptor, &status) == 0 && !S_ISREG(status.st_mode)) {
        ::close(descriptor);
        throw archive::FileFailure(ExitStatus::other, EINVAL, path + " is not a regular file");
    }
    return archive::Reader(descriptor, path);
}

PyObject *restore(PyObject *, PyObject *arguments)
{
    const char *path;
    const char *transport;
    int check;
    if (PyArg_ParseTuple(arguments, "ysp:restore", &path, &transport, &check) == 0)
        return nullptr;
    std::vector<std::string> names;
    const auto problem = run_released([&](Signals &signals) {
        const auto progress = [&signals](std::uint64_t) { signals.check_if_due(); };
        archive::Reader reader = open_archive(path);
        reader.read({[&](const archive::Database &database) { names.push_back(database.name); },
                     [](const archive::Entry &) {}, progress});
        if (check == 0)
            archive::restore(transport, reader, progress);
    });
    if (!problem)
        return list_of(names, text_of);
    raise(*problem);
    return nullptr;
}

// -------------------------------------------------------------------- module

PyMethodDef functions[] = {
    {"save", save, METH_VARARGS,
     PyDoc_STR("save($module, path, transport, names, /)\n--\n\n"
               "Saves databases; see moddb.save().")},
    {"restore", restore, METH_VARARGS,
     PyDoc_STR("restore($module, path, transport, check, /)\n--\n\n"
               "Restores databases; see moddb.restore().")},
    {nullptr, nullptr, 0, nullptr},
};

PyModuleDef_Slot slots[] = {
#ifdef Py_mod_gil
    {Py_mod_gil, Py_MOD_GIL_USED},
#endif
    {0, nullptr},
};

PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    "moddb._archive",
    PyDoc_STR("Saving and restoring databases, for the module moddb.archive."),
    0,
    functions,
    slots,
    nullptr,
    nullptr,
    nullptr,
};

} // namespace

PyMODINIT_FUNC PyInit__archive()
{
    return PyModuleDef_Init(&definition);
}
