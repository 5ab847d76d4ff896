// SPDX-License-Identifier: MIT
//
// Deletes the entries under a prefix, in as many steps as the kernel needs.
#include "handle.h"

using namespace moddb_internal;

namespace {

int del_prefix(struct moddb_handle *handle, std::string_view prefix, uint64_t &deleted)
{
    Deletion deletion;
    do {
        const int result = handle->transport->delete_step(prefix, deletion, handle->error);
        deleted = deletion.number;
        if (result < 0)
            return result;
    } while (deletion.has_more);
    return deletion.kept ? handle->error.fail_with(-EPERM, moddb_failure_text(EPERM, 0)) : 0;
}

} // namespace

int moddb_del_prefix(struct moddb_handle *handle, const void *prefix, size_t prefix_length,
                     uint64_t *deleted)
{
    if (deleted)
        *deleted = 0;
    return with_handle(handle, [&] {
        if (!prefix_length)
            return handle->error.fail(-EINVAL, "an empty prefix: clear the database instead");
        if (const int result = check_prefix(prefix, prefix_length, handle->error); result < 0)
            return result;
        uint64_t number = 0;
        const int result = del_prefix(handle, bytes(prefix, prefix_length), number);
        if (deleted)
            *deleted = number;
        return result;
    });
}
