// SPDX-License-Identifier: MIT
//
// In C, because C libraries unwind the stack of a cancelled thread differently: some by exceptions,
// for which the library would need the same runtime as the program, some not at all.
#include "cancellable_poll.h"

#include <poll.h>
#include <pthread.h>

int moddb_poll(int fd, int timeout_ms, void (*release)(void *argument), void *argument)
{
    struct pollfd entry = {.fd = fd, .events = POLLIN};
    int result;

    pthread_cleanup_push(release, argument);
    result = poll(&entry, 1, timeout_ms);
    pthread_cleanup_pop(0);
    return result;
}
