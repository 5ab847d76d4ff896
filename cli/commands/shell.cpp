// SPDX-License-Identifier: MIT
//
// moddb shell: runs command lines, from a terminal or from a script. Each runs in a process of its
// own, so that it may be interrupted, wait for signals or become another program, like any command
// that is run from a shell.

#include "commands.hpp"
#include "complete.hpp"
#include "run.hpp"
#include "terminal/input.hpp"
#include "terminal/line_editor.hpp"
#include "terminal/output.hpp"
#include "text/escape.hpp"
#include "text/words.hpp"

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <optional>
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

// While it exists, signals from the terminal are for the command that runs.
class Ignored {
  public:
    Ignored()
    {
        struct sigaction ignore {};
        ignore.sa_handler = SIG_IGN;
        sigaction(SIGINT, &ignore, &interrupt_);
        sigaction(SIGQUIT, &ignore, &quit_);
    }
    ~Ignored() { restore(); }

    Ignored(const Ignored &) = delete;
    Ignored &operator=(const Ignored &) = delete;

    void restore() const
    {
        sigaction(SIGINT, &interrupt_, nullptr);
        sigaction(SIGQUIT, &quit_, nullptr);
    }

  private:
    struct sigaction interrupt_;
    struct sigaction quit_;
};

// A script is not the input of its commands: one that reads it gets an error, not an empty value.
void close_input()
{
    const int nothing = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    if (nothing < 0 || ::dup2(nothing, STDIN_FILENO) < 0)
        ::_exit(static_cast<int>(ExitStatus::other));
    ::close(nothing);
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
        complain(failure.what());
        note(failure.status());
    }
    return true;
}

void Shell::fork_and_wait(const Arguments &words)
{
    flush_output();
    const Ignored ignored;
    const pid_t child = ::fork();
    if (child < 0)
        throw Failure(ExitStatus::other, fmt::format("cannot fork: {}", std::strerror(errno)));
    if (child == 0) {
        ignored.restore();
        if (script_)
            close_input();
        const ExitStatus status = run_and_report(words);
        std::fflush(nullptr);
        ::_exit(static_cast<int>(status));
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
        complain_about(fmt::format("line {}: ", number));
        if (line->too_long)
            throw UsageError("the line is too long");
        if (!shell.run(line->text))
            break;
    }
    return shell.status();
}

ExitStatus run_on_terminal(const Globals &globals)
{
    Shell shell(globals, false);
    const std::string database = globals.database.empty() ? "" : "/" + harmless(globals.database);
    const Names names = names_of_store();
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
