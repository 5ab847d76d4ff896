// SPDX-License-Identifier: MIT
//
// Descriptors 0, 1 and 2 belong to the caller, even if they are closed: no file that is opened may
// get such a number, or a message would end up in a file, and a redirection would close a lock.

#ifndef MODDB_CLI_DESCRIPTOR_HPP
#define MODDB_CLI_DESCRIPTOR_HPP

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cli {

// Moves the file to a descriptor of 3 or more that is closed on exec, and closes the given one.
// Returns a negative descriptor unchanged, with errno.
inline int above_standard(int descriptor)
{
    if (descriptor < 0 || descriptor > STDERR_FILENO)
        return descriptor;
    const int moved = ::fcntl(descriptor, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    const int error = errno;
    ::close(descriptor);
    errno = error;
    return moved;
}

// Fills closed standard descriptors with files that can be neither read nor written and that
// executed programs do not inherit.
inline void fill_standard()
{
    // O_PATH works without /dev/null. Each open returns the lowest free descriptor.
    int descriptor = 0;
    do {
        descriptor = ::open("/", O_PATH | O_CLOEXEC);
    } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        ::close(descriptor);
}

} // namespace cli

#endif
