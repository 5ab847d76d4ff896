// SPDX-License-Identifier: MIT
//
// Applies the prefix and the limits, and protects the keys of the agent.

#include "mapping.hpp"

#include "copy_keys.hpp"
#include "text/escape.hpp"

namespace replica {

void Mapping::refuse(std::string_view key, std::string_view reason)
{
    ++refusals_;
    refused_ = cli::excerpt(key) + ": " + std::string(reason);
}

std::optional<Change> Mapping::change(WatchEvent event)
{
    std::string &key = event.entry.key;
    if (!key.starts_with(prefix_))
        throw SourceError(SourceError::Kind::violation,
                          "a key that is not below the prefix: " + cli::excerpt(key));
    const std::string_view mapped = std::string_view(key).substr(keep_prefix_ ? 0 : prefix_.size());
    const char *reason = nullptr;
    if (mapped.empty())
        reason = "the key is the prefix, and nothing remains of it";
    else if (mapped.size() > MODDB_KEY_MAX)
        reason = "the key is too long for moddb";
    else if (mapped.starts_with(own_prefix))
        reason = "the key begins like the replica's own keys";
    if (reason != nullptr) {
        if (!event.deleted)
            refuse(key, reason);
        return std::nullopt;
    }
    Change change;
    if (event.deleted) {
        // Without a value.
    } else if (event.entry.value.size() > longest_value_) {
        refuse(key, "the value is too long for moddb");
    } else {
        change.value = std::move(event.entry.value);
        change.tag = static_cast<std::uint32_t>(event.entry.revision);
    }
    change.key = mapped;
    return change;
}

} // namespace replica
