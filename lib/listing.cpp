// SPDX-License-Identifier: MIT
//
// A listing of entries as the kernel sent it. An interrupted one is thrown away and read again.
#include "listing.h"

namespace moddb_internal {

int Listing::add_message(std::string_view message, ErrorText &error)
{
    EntryFields fields;
    if (!read_entry(message, fields))
        return error.fail(-EBADMSG, "malformed listing from the kernel");
    if (fields.revision > revision_)
        revision_ = fields.revision;
    // A message without a key tells only the revision and the generation.
    if (fields.key.empty()) {
        generation_ = fields.generation;
        return 0;
    }
    if (fields.key.size() > MODDB_KEY_MAX)
        return error.fail(-EBADMSG, "malformed listing from the kernel");
    add(fields);
    return 0;
}

void Listing::add(const EntryFields &fields)
{
    const bool whole = fields.has_value;
    items_.push_back({bytes_.size(), static_cast<uint16_t>(fields.key.size()), whole,
                      fields.value_length, fields.uid, fields.pid, fields.flags, fields.tag,
                      fields.version, fields.mtime_ns, fields.ttl_ms});
    bytes_ += fields.key;
    if (whole)
        bytes_ += fields.value;
}

int Listing::read(Channel &channel, const moddb_list_options &options, ErrorText &error,
                  const std::function<void()> &pause)
{
    // A table that grows interrupts once for each doubling; more than these is not growth.
    constexpr int attempts = 30;
    for (int attempt = 0; attempt < attempts; ++attempt) {
        bytes_.clear();
        items_.clear();
        revision_ = 0;
        Writer writer = channel.begin(MODDB_CMD_LIST, NLM_F_DUMP);
        if (options.prefix_length)
            writer.put(MODDB_A_ENTRY_PREFIX,
                       {static_cast<const char *>(options.prefix), options.prefix_length});
        if (options.after && options.after->key_length) {
            writer.put(MODDB_A_ENTRY_KEY, {reinterpret_cast<const char *>(options.after->key),
                                           options.after->key_length});
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
        const int result = channel.dump(
            writer, error, [&](std::string_view message) { return add_message(message, error); },
            pause);
        if (result <= 0)
            return result;
    }
    return error.fail(-EAGAIN, "the listing was interrupted again and again");
}

} // namespace moddb_internal
