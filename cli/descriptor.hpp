// SPDX-License-Identifier: MIT
//
// Descriptors 0, 1 and 2 belong to the caller, also where they are closed: nothing that is opened
// may take their place, or a message would end up in a file and a redirection would close a lock.

#ifndef MODDB_CLI_DESCRIPTOR_HPP
#define MODDB_CLI_DESCRIPTOR_HPP

#include <cerrno>
#include <fcntl.h>
#include <unistd.h>

namespace cli {

// The same file under a descriptor of 3 or more, closed on exec; the one that is given is closed. A
// negative one is passed on, with errno.
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

// Takes the places that are closed with something that can be neither read nor written, and that
// programs which are run do not inherit.
inline void fill_standard()
{
    // With O_PATH also where there is no /dev/null. The lowest free descriptor is taken each time.
    int descriptor = 0;
    do {
        descriptor = ::open("/", O_PATH | O_CLOEXEC);
    } while (descriptor >= 0 && descriptor <= STDERR_FILENO);
    if (descriptor >= 0)
        ::close(descriptor);
}

} // namespace cli

#endif
