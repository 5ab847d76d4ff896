// SPDX-License-Identifier: MIT
//
// Attackers: an ordinary user, the same as root of a user namespace, and the same in a container.
// None of them may keep a right of the test itself.
#pragma once

#include "process.h"
#include "store.h"

#include <sys/prctl.h>

#include <functional>
#include <string>

enum class Attacker { user, user_namespace, container };

inline constexpr Attacker attackers[] = {Attacker::user, Attacker::user_namespace,
                                         Attacker::container};
inline constexpr uid_t attacker_uid = 1000;

inline std::string name_of(Attacker who)
{
    return who == Attacker::user             ? "user"
           : who == Attacker::user_namespace ? "user namespace"
                                             : "container";
}

// Ends the process if a precondition of the attempt does not hold.
inline void must(bool holds, int status)
{
    if (!holds)
        _exit(status);
}

inline void write_own(const char *path, std::string_view text)
{
    const int fd = open(path, O_WRONLY | O_CLOEXEC);
    must(fd >= 0 && write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), 11);
    close(fd);
}

// Becomes the attacker, by means of that user alone: no privileged process helps with a namespace.
inline void become(Attacker who)
{
    become(attacker_uid, attacker_uid);
    if (who == Attacker::user)
        return;
    // After a change of user the process could not write its own maps otherwise.
    must(prctl(PR_SET_DUMPABLE, 1) == 0, 12);
    int namespaces = CLONE_NEWUSER;
    if (who == Attacker::container)
        namespaces |= CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC | CLONE_NEWUTS;
    must(unshare(namespaces) == 0, 13);
    write_own("/proc/self/setgroups", "deny");
    write_own("/proc/self/uid_map", "0 1000 1");
    write_own("/proc/self/gid_map", "0 1000 1");
    if (who != Attacker::container)
        return;
    // A new pid namespace applies to children; the parent only waits, and ends together with the
    // child.
    const pid_t child = fork();
    must(child >= 0, 14);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        return;
    }
    int status = 0;
    waitpid(child, &status, 0);
    _exit(WIFEXITED(status) ? WEXITSTATUS(status) : 15);
}

// The function that a Child runs as an attacker.
inline std::function<void(const Line &)> attack(Attacker who,
                                                std::function<void(const Line &)> body)
{
    return [who, body = std::move(body)](const Line &line) {
        become(who);
        body(line);
    };
}

inline std::string as(Attacker who, const std::function<std::string()> &body)
{
    return in_child([&] {
        become(who);
        return body();
    });
}
