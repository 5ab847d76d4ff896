// SPDX-License-Identifier: MIT
//
// Runs programs. execute() must be usable in a forked child.

#include "program.hpp"

#include "text/escape.hpp"

#include <cerrno>
#include <cstring>
#include <fmt/core.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cli {

namespace {

constexpr auto status_cannot_run = static_cast<ExitStatus>(126);
constexpr auto status_not_there = static_cast<ExitStatus>(127);
constexpr int status_of_signal = 128;

} // namespace

Failure execute(const Program &program)
{
    std::vector<char *> words;
    for (const std::string &word : program)
        words.push_back(const_cast<char *>(word.c_str()));
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    const int error = errno;
    return Failure(error == ENOENT ? status_not_there : status_cannot_run,
                   fmt::format("cannot run {}: {}", quote(program[0]), std::strerror(error)));
}

ExitStatus status_of_program(int status)
{
    return static_cast<ExitStatus>(WIFEXITED(status) ? WEXITSTATUS(status)
                                                     : status_of_signal + WTERMSIG(status));
}

} // namespace cli
