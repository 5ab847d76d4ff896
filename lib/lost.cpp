// SPDX-License-Identifier: MIT
//
// Counts the ephemeral entries that a handle lost, and makes the descriptor that reports losses.
#include "handle.h"

#include <sys/eventfd.h>

using namespace moddb_internal;

int moddb_lost(struct moddb_handle *handle, uint64_t *number)
{
    if (number)
        *number = 0;
    return with_handle(handle, [&] {
        if (!number)
            return handle->error.fail(-EINVAL, "the pointer to the number is NULL");
        // Before the count, so that a later loss makes it readable again.
        if (eventfd_t signals; handle->lost_event.get() >= 0)
            (void)::eventfd_read(handle->lost_event.get(), &signals);
        return handle->transport->count_lost(*number, handle->error);
    });
}

int moddb_lost_fd(struct moddb_handle *handle)
{
    return with_handle(handle, [&] {
        if (handle->lost_event.get() >= 0)
            return handle->lost_event.get();
        Descriptor event(above_standard(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)));
        if (event.get() < 0)
            return handle->error.fail(-errno);
        if (const int result = handle->transport->signal_lost(event.get(), handle->error);
            result < 0)
            return result;
        handle->lost_event = std::move(event);
        return handle->lost_event.get();
    });
}
