// SPDX-License-Identifier: MIT
//
// Maps errors of the library to exit statuses, in one table for all commands.

#include "exit_status.hpp"

#include <cerrno>

namespace cli {

ExitStatus status_of(int error)
{
    switch (error) {
    case 0:
        return ExitStatus::done;
    case ENOENT:
    case ENXIO:
    case ECANCELED:
        return ExitStatus::not_found;
    case EINVAL:
        return ExitStatus::usage;
    case EACCES:
    case EPERM:
    case EROFS:
        return ExitStatus::permission;
    case EDQUOT:
    case EMSGSIZE:
    case E2BIG:
    case ERANGE:
    case ENOMEM:
    case ENOSPC:
        return ExitStatus::limit;
    case ENODEV:
        return ExitStatus::no_module;
    case EINTR:
    case ETIMEDOUT:
        return ExitStatus::interrupted;
    default:
        return ExitStatus::other;
    }
}

} // namespace cli
