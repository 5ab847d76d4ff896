// SPDX-License-Identifier: MIT
//
// moddb shell: runs command lines, from a terminal or from a script. Each runs in a process of its
// own, so that it may be interrupted, wait for signals or become another program, like any command
// that is run from a shell.

#include "commands.hpp"
#include "complete.hpp"
#include "listed.hpp"
#include "run.hpp"
#include "terminal/input.hpp"
#include "terminal/line_editor.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/words.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <optional>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cli {

namespace {

using Arguments = std::vector<std::string>;

// The shell's own options, for each of its lines.
Arguments arguments_of(const Globals &globals)
{
    Arguments arguments;
    if (!globals.database.empty())
        arguments.insert(arguments.end(), {"--database", globals.database});
    if (!globals.transport.empty())
        arguments.insert(arguments.end(), {"--transport", globals.transport});
    if (globals.json)
        arguments.push_back("--json");
    return arguments;
}

// While it exists, signals from the terminal are for the command that runs, and do not end the
// shell. They end a script together with its command.
class Ignored {
  public:
    Ignored()
    {
        struct sigaction ignore {};
        ignore.sa_handler = SIG_IGN;
        sigaction(SIGINT, &ignore, &interrupt_);
        sigaction(SIGQUIT, &ignore, &quit_);
    }
    ~Ignored()
    {
        sigaction(SIGINT, &interrupt_, nullptr);
        sigaction(SIGQUIT, &quit_, nullptr);
    }

    Ignored(const Ignored &) = delete;
    Ignored &operator=(const Ignored &) = delete;

  private:
    struct sigaction interrupt_;
    struct sigaction quit_;
};

// A script is not the input of its commands: one that reads it gets an error, not an empty value.
// The end of a pipe that is for writing works without /dev/null.
void close_input()
{
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0 || ::dup2(ends[1], STDIN_FILENO) < 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot close standard input: {}", std::strerror(errno)));
    ::close(ends[0]);
    ::close(ends[1]);
}

// Runs in the process of the command. Throws Failure.
void prepare_command(pid_t shell, bool script)
{
    // A command does not outlive a shell that is ended by a signal.
    if (::prctl(PR_SET_PDEATHSIG, SIGTERM) != 0 || ::getppid() != shell)
        throw Failure(ExitStatus::interrupted, "interrupted");
    if (script)
        close_input();
}

class Shell {
  public:
    Shell(const Globals &globals, bool script) : arguments_(arguments_of(globals)), script_(script)
    {
    }

    // Runs a line and reports its failure. Returns false for the line that ends the
    // shell.
    bool run(const std::string &line);

    const Arguments &arguments() const { return arguments_; }

    // Of the first line that failed.
    ExitStatus status() const { return status_; }

  private:
    void note(ExitStatus status)
    {
        if (status_ == ExitStatus::done)
            status_ = status;
    }
    void fork_and_wait(const Arguments &words);
    ExitStatus run_as_child(const Arguments &words, pid_t shell) const;

    Arguments arguments_;
    bool script_;
    ExitStatus status_ = ExitStatus::done;
};

bool Shell::run(const std::string &line)
{
    try {
        Arguments words = arguments_;
        for (const Word &word : split_words(line))
            words.push_back(word.text);
        if (words.size() == arguments_.size())
            return true;
        const std::string &command = words[arguments_.size()];
        if (command == "exit" || command == "quit")
            return false;
        if (command == shell_command.name)
            throw UsageError("this is a shell already");
        fork_and_wait(words);
    } catch (const Failure &failure) {
        print_error(failure.what());
        note(failure.status());
    }
    return true;
}

ExitStatus Shell::run_as_child(const Arguments &words, pid_t shell) const
{
    try {
        prepare_command(shell, script_);
    } catch (const Failure &failure) {
        print_error(failure.what());
        return failure.status();
    }
    const ExitStatus status = run_and_report(words);
    std::fflush(nullptr);
    save_listed();
    return status;
}

void Shell::fork_and_wait(const Arguments &words)
{
    flush_output();
    std::optional<Ignored> ignored;
    if (!script_)
        ignored.emplace();
    const pid_t shell = ::getpid();
    const pid_t child = ::fork();
    if (child < 0)
        throw Failure(ExitStatus::other, fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child == 0) {
        ignored.reset();
        ::_exit(static_cast<int>(run_as_child(words, shell)));
    }
    int result = 0;
    while (::waitpid(child, &result, 0) < 0)
        if (errno != EINTR)
            throw Failure(ExitStatus::other, fmt::format("cannot wait: {}", std::strerror(errno)));
    if (WIFEXITED(result)) {
        note(static_cast<ExitStatus>(WEXITSTATUS(result)));
        return;
    }
    // The reader of the output has gone, for the shell as for the command.
    if (WTERMSIG(result) == SIGPIPE)
        ::raise(SIGPIPE);
    throw Failure(ExitStatus::other,
                  fmt::format("the command was ended by signal {}", WTERMSIG(result)));
}

ExitStatus run_script(const Globals &globals)
{
    Shell shell(globals, true);
    InputLines input(1U << 24U);
    for (std::size_t number = 1; auto line = input.next(); ++number) {
        set_error_source(fmt::format("line {}: ", number));
        if (line->too_long)
            throw UsageError("the line is too long");
        if (!shell.run(line->text))
            break;
    }
    return shell.status();
}

// The keys of the last "list", and those that the store has now.
std::vector<std::string> known_keys(const ListedKeys &listed, const Names &store,
                                    const Globals &globals, std::string_view prefix)
{
    std::vector<std::string> keys = listed.matching(globals, prefix);
    try {
        const auto stored = store.keys(globals, prefix);
        keys.insert(keys.end(), stored.begin(), stored.end());
    } catch (const Failure &) {
        if (keys.empty())
            throw;
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

ExitStatus run_on_terminal(const Globals &globals)
{
    Shell shell(globals, false);
    const ListedKeys listed;
    const std::string database = globals.database.empty() ? "" : "/" + harmless(globals.database);
    const Names store = names_of_store();
    Names names = store;
    names.keys = [&](const Globals &of, std::string_view prefix) {
        return known_keys(listed, store, of, prefix);
    };
    LineEditor editor("moddb" + database + "> ", [&](std::string_view before) {
        return complete_line(before, shell.arguments(), names);
    });
    for (;;) {
        const LineEditor::Result line = editor.read();
        switch (line.end) {
        case LineEditor::End::line:
            if (!shell.run(line.line))
                return ExitStatus::done;
            break;
        case LineEditor::End::interrupted:
            put("\n");
            break;
        case LineEditor::End::finished:
            put("\n");
            return ExitStatus::done;
        case LineEditor::End::signal:
            put("\n");
            return ExitStatus::interrupted;
        }
    }
}

ExitStatus run(const Invocation &invocation)
{
    return input_is_terminal() && output_is_terminal() ? run_on_terminal(invocation.globals)
                                                       : run_script(invocation.globals);
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command shell_command{
    .name = "shell",
    .operands = "",
    .summary = "Run command lines, typed on the terminal or read from standard input",
    .details =
        "A line is a command of moddb without its name. A word with blanks is in double quotes, "
        "and \\n, \\t, \\\\ and \\xNN\n"
        "are bytes. Tab completes commands, options, keys and databases; exit ends the shell.\n"
        "A line that fails is reported, and the next one runs; the status is that of the first "
        "that failed.",
    .least_operands = 0,
    .most_operands = 0,
    .define = define,
};

} // namespace cli
