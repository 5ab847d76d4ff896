// SPDX-License-Identifier: MIT
//
// Processes that a test starts, controls by lines of text, and ends: other users, other namespaces,
// victims. None outlives the object that started it.
#pragma once

#include "../support/parcel.hpp"

#include <doctest/doctest.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <functional>
#include <grp.h>
#include <poll.h>
#include <sched.h>
#include <string>
#include <string_view>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

// One end of the line between a test and its process. A descriptor can travel with a line.
class Line {
  public:
    explicit Line(int fd = -1) : fd_(fd) {}

    void say(std::string_view text, int descriptor = -1) const
    {
        // If the other side has ended, the test notices that elsewhere.
        static_cast<void>(test::send_parcel(fd_, std::string(text) + '\n', descriptor));
    }

    // The next line; "(gone)" if the other side has ended, "(silence)" if it says nothing. The
    // timeout is long for instrumented kernels; each test has a limit of its own.
    std::string hear(int timeout_ms = 300'000, int *descriptor = nullptr) const
    {
        pollfd entry{fd_, POLLIN, 0};
        if (poll(&entry, 1, timeout_ms) <= 0)
            return "(silence)";
        // Each line is a message of its own.
        char text[4096];
        const auto parcel = test::receive_parcel(fd_, text);
        if (!parcel)
            return "(gone)";
        if (descriptor)
            *descriptor = parcel->file;
        else if (parcel->file >= 0)
            close(parcel->file);
        return std::string(parcel->text.substr(0, parcel->text.size() - 1));
    }

    int fd() const { return fd_; }

  private:
    int fd_;
};

inline void write_file(const std::string &path, std::string_view text)
{
    const int fd = open(path.c_str(), O_WRONLY | O_CLOEXEC);
    const bool written =
        fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
    close(fd);
    REQUIRE_MESSAGE(written, path << ": " << std::strerror(errno));
}

// A process that runs a function and ends. namespaces: CLONE_NEW*; in a user namespace of its own
// it is root, and its users 0 to 65535 are 100000 to 165535 outside.
class Child {
  public:
    explicit Child(const std::function<void(const Line &)> &body, int namespaces = 0)
    {
        int ends[2];
        REQUIRE(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0);
        fflush(nullptr);
        pid = namespaces ? static_cast<pid_t>(syscall(SYS_clone, namespaces | SIGCHLD, 0, 0, 0, 0))
                         : fork();
        REQUIRE(pid >= 0);
        if (pid == 0) {
            close(ends[0]);
            const Line line(ends[1]);
            if (line.hear() == "go")
                run(body, line, namespaces);
            _exit(1);
        }
        close(ends[1]);
        line = Line(ends[0]);
        if (namespaces & CLONE_NEWUSER)
            for (const char *map : {"/uid_map", "/gid_map"})
                write_file("/proc/" + std::to_string(pid) + map, "0 100000 65536");
        line.say("go");
    }
    ~Child()
    {
        kill();
        close(line.fd());
    }
    Child(const Child &) = delete;
    Child &operator=(const Child &) = delete;

    std::string hear(int timeout_ms = 300'000) const { return line.hear(timeout_ms); }
    void say(std::string_view text, int descriptor = -1) const { line.say(text, descriptor); }

    // The exit status, or 128 and the signal.
    int wait()
    {
        if (pid > 0) {
            int raw = 0;
            waitpid(pid, &raw, 0);
            status_ = WIFEXITED(raw) ? WEXITSTATUS(raw) : 128 + WTERMSIG(raw);
            pid = -1;
        }
        return status_;
    }
    // When this returns, the kernel has closed every file that only this process had open.
    int kill(int signal = SIGKILL)
    {
        if (pid > 0)
            ::kill(pid, signal);
        return wait();
    }

    pid_t pid;
    Line line;

  private:
    [[noreturn]] static void run(const std::function<void(const Line &)> &body, const Line &line,
                                 int namespaces)
    {
        if (namespaces & CLONE_NEWUSER &&
            (setgroups(0, nullptr) || setresgid(0, 0, 0) || setresuid(0, 0, 0)))
            _exit(1);
        try {
            body(line);
        } catch (...) {
            // A failed REQUIRE in the child.
            _exit(1);
        }
        _exit(0);
    }

    int status_ = -1;
};

// The text that a function returns in a process of its own.
inline std::string in_child(const std::function<std::string()> &body, int namespaces = 0)
{
    Child child([&](const Line &line) { line.say(body()); }, namespaces);
    return child.hear();
}

// Becomes another user, without any capability.
inline void become(uid_t uid, gid_t gid, std::vector<gid_t> groups = {})
{
    if (setgroups(groups.size(), groups.data()) || setresgid(gid, gid, gid) ||
        setresuid(uid, uid, uid))
        _exit(9);
}

inline std::string as_user(uid_t uid, const std::function<std::string()> &body, gid_t gid = 0,
                           std::vector<gid_t> groups = {})
{
    return in_child([&] {
        become(uid, gid ? gid : uid, groups);
        return body();
    });
}
