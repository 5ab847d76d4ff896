// SPDX-License-Identifier: MIT
//
// A listing over netlink is a dump, and a step of a deletion a request.
#include "netlink_listing.h"

#include "listing.h"

#include <cerrno>

namespace moddb_internal {

namespace {

int add_message(std::string_view message, Listing &listing, ErrorText &error)
{
    EntryFields fields;
    if (!read_entry(message, fields) || fields.key.size() > MODDB_KEY_MAX)
        return error.fail(-EBADMSG, "malformed listing from the kernel");
    // A message without a key has only the revision and the generation.
    if (fields.key.empty())
        listing.begin(fields.revision, fields.generation);
    else
        listing.add(fields);
    return 0;
}

} // namespace

int list_over_netlink(Channel &channel, const moddb_list_options &options, Listing &listing,
                      ErrorText &error, const std::function<void()> &pause)
{
    Writer writer = channel.begin(MODDB_CMD_LIST, NLM_F_DUMP);
    if (options.prefix_length)
        writer.put(MODDB_A_ENTRY_PREFIX,
                   {static_cast<const char *>(options.prefix), options.prefix_length});
    if (options.after && options.after->key_length) {
        writer.put(MODDB_A_ENTRY_KEY,
                   {reinterpret_cast<const char *>(options.after->key), options.after->key_length});
        writer.put_u32(MODDB_A_ENTRY_GENERATION, options.after->generation);
    }
    if (options.limit)
        writer.put_u32(MODDB_A_ENTRY_COUNT, options.limit);
    if (options.since)
        writer.put_u64(MODDB_A_ENTRY_SINCE, options.since);
    if (options.flags & MODDB_LIST_VALUES)
        writer.put_flag(MODDB_A_ENTRY_WANT_VALUE);
    if (options.flags & MODDB_LIST_INFO)
        writer.put_flag(MODDB_A_ENTRY_WANT_META);
    return channel.dump(
        writer, error,
        [&](std::string_view message) { return add_message(message, listing, error); }, pause);
}

int delete_step_over_netlink(Channel &channel, std::string_view prefix, Deletion &deletion,
                             ErrorText &error)
{
    Writer writer = channel.begin(MODDB_CMD_DEL_PREFIX);
    writer.put(MODDB_A_ENTRY_PREFIX, prefix);
    if (deletion.has_more) {
        if (!deletion.key.empty())
            writer.put(MODDB_A_ENTRY_KEY, deletion.key);
        writer.put_u32(MODDB_A_ENTRY_GENERATION, deletion.generation);
    }
    std::string_view reply;
    if (const int result = channel.request(writer, error, reply); result < 0)
        return result;
    EntryFields fields;
    if (!read_entry(reply, fields) || fields.number < 0 || fields.key.size() > MODDB_KEY_MAX)
        return error.fail(-EBADMSG, "malformed answer from the kernel");
    deletion.number += static_cast<uint64_t>(fields.number);
    deletion.kept = deletion.kept || fields.status == -EPERM;
    if (fields.status < 0 && fields.status != -EPERM)
        return error.fail_with(fields.status, general_message(fields.status));
    deletion.key = fields.key;
    deletion.generation = fields.generation;
    deletion.has_more = fields.has_generation;
    return 0;
}

} // namespace moddb_internal
