// SPDX-License-Identifier: MIT
//
// Deletes the entries under a prefix, in as many requests as the kernel wants.
#include "handle.h"

#include <string>

using namespace moddb_internal;

namespace {

// The state between two requests: the key after which the next one goes on.
struct Step {
    std::string key;
    uint32_t generation = 0;
    bool has_more = false;
    bool kept = false; // entries of other users
};

int run_step(Channel &channel, std::string_view prefix, Step &step, uint64_t &deleted,
             ErrorText &error)
{
    Writer writer = channel.begin(MODDB_CMD_DEL_PREFIX);
    writer.put(MODDB_A_ENTRY_PREFIX, prefix);
    if (step.has_more) {
        if (!step.key.empty())
            writer.put(MODDB_A_ENTRY_KEY, step.key);
        writer.put_u32(MODDB_A_ENTRY_GENERATION, step.generation);
    }
    std::string_view reply;
    if (const int result = channel.request(writer, error, reply); result < 0)
        return result;
    EntryFields fields;
    if (!read_entry(reply, fields) || fields.number < 0 || fields.key.size() > MODDB_KEY_MAX)
        return error.fail(-EBADMSG, "malformed answer from the kernel");
    deleted += static_cast<uint64_t>(fields.number);
    step.kept = step.kept || fields.status == -EPERM;
    if (fields.status < 0 && fields.status != -EPERM)
        return error.fail_with(fields.status, words_of(fields.status));
    step.key = fields.key;
    step.generation = fields.generation;
    step.has_more = fields.has_generation;
    return 0;
}

int del_prefix(struct moddb_handle *handle, std::string_view prefix, uint64_t &deleted)
{
    Channel *channel;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    Step step;
    do {
        if (const int result = run_step(*channel, prefix, step, deleted, handle->error); result < 0)
            return result;
    } while (step.has_more);
    return step.kept ? handle->error.fail_with(-EPERM, moddb_failure_text(EPERM, 0)) : 0;
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
