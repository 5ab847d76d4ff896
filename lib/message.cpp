// SPDX-License-Identifier: MIT
//
// Netlink messages of the family as bytes. The reader checks every length.
#include "message.h"

namespace moddb_internal {

void Writer::put_string(uint16_t type, std::string_view value) noexcept
{
    // A string attribute contains its NUL.
    char *const to = reserve(type, value.size() + 1);
    if (!to)
        return;
    std::memcpy(to, value.data(), value.size());
    to[value.size()] = '\0';
}

char *Writer::begin_nest(uint16_t type) noexcept
{
    char *nest = at_;
    put(type | NLA_F_NESTED, {});
    return nest;
}

void Writer::end_nest(char *nest) noexcept
{
    const auto length = static_cast<size_t>(at_ - nest);
    if (full_ || length > UINT16_MAX) {
        full_ = true;
        return;
    }
    const auto value = static_cast<uint16_t>(length);
    std::memcpy(nest + offsetof(nlattr, nla_len), &value, sizeof(value));
}

// Reads the attributes of an outcome, and passes every other one to other().
template <typename Other>
static bool read(std::string_view bytes, Outcome &outcome, Other &&other) noexcept
{
    bool has_value = false;
    bool has_length = false;
    Attributes attributes(bytes);
    while (attributes.next()) {
        switch (attributes.type()) {
        case MODDB_A_ENTRY_VERSION:
            attributes.number(outcome.version);
            break;
        case MODDB_A_ENTRY_VALUE:
            outcome.value = attributes.value();
            has_value = true;
            break;
        case MODDB_A_ENTRY_VALUE_LENGTH:
            attributes.number(outcome.value_length);
            has_length = true;
            break;
        case MODDB_A_ENTRY_STATUS:
            attributes.number(outcome.status);
            break;
        case MODDB_A_ENTRY_NUMBER:
            attributes.number(outcome.number);
            break;
        case MODDB_A_ENTRY_MTIME:
            attributes.number(outcome.mtime_ns);
            break;
        case MODDB_A_ENTRY_TTL:
            attributes.number(outcome.ttl_ms);
            break;
        case MODDB_A_ENTRY_UID:
            attributes.number(outcome.uid);
            break;
        case MODDB_A_ENTRY_PID:
            attributes.number(outcome.pid);
            break;
        case MODDB_A_ENTRY_FLAGS:
            attributes.number(outcome.flags);
            break;
        case MODDB_A_ENTRY_TAG:
            attributes.number(outcome.tag);
            break;
        case MODDB_A_ENTRY_PREVIOUS_VERSION:
            attributes.number(outcome.previous_version);
            break;
        case MODDB_A_ENTRY_LIMIT:
            attributes.number(outcome.limit);
            break;
        default:
            other(attributes);
        }
    }
    if (!has_length)
        outcome.value_length = static_cast<uint32_t>(outcome.value.size());
    outcome.has_value = has_value && outcome.value.size() == outcome.value_length;
    return !attributes.malformed() && outcome.value.size() <= outcome.value_length &&
           outcome.value_length <= MODDB_VALUE_MAX && outcome.status <= 0;
}

bool read_outcome(std::string_view bytes, Outcome &outcome) noexcept
{
    return read(bytes, outcome, [](Attributes &) {});
}

bool read_entry(std::string_view bytes, EntryFields &fields) noexcept
{
    return read(bytes, fields, [&fields](Attributes &attributes) {
        switch (attributes.type()) {
        case MODDB_A_ENTRY_KEY:
            fields.key = attributes.value();
            break;
        case MODDB_A_ENTRY_REVISION:
            attributes.number(fields.revision);
            break;
        case MODDB_A_ENTRY_INDEX:
            attributes.number(fields.index);
            break;
        case MODDB_A_ENTRY_KIND:
            attributes.number(fields.kind);
            break;
        case MODDB_A_ENTRY_GENERATION:
            fields.has_generation = true;
            attributes.number(fields.generation);
            break;
        case MODDB_A_ENTRY_WATCH_ID:
            attributes.number(fields.watch_id);
            break;
        default:
            break;
        }
    });
}

} // namespace moddb_internal
