// SPDX-License-Identifier: MIT
//
// Collects entries into batches.

#include "bulk_writer.hpp"

#include "text/escape.hpp"

#include <fmt/core.h>

namespace cli {

namespace {

// Enough to amortize the calls, and not so much that an interruption waits for long.
constexpr std::size_t most_entries = 1024;
constexpr std::size_t most_bytes = 1024 * 1024;

} // namespace

BulkWriter::BulkWriter(const Session &session) : session_(session), batch_(session.batch()) {}

void BulkWriter::add(std::string_view key, std::string_view value, std::uint64_t ttl_ms,
                     std::uint32_t tag)
{
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = ttl_ms;
    options.tag = tag;
    session_.check(moddb_batch_set(batch_.get(), key.data(), key.size(), value.data(), value.size(),
                                   &options, 0),
                   key);
    keys_.emplace_back(key);
    bytes_ += key.size() + value.size();
    if (keys_.size() >= most_entries || bytes_ >= most_bytes)
        flush();
}

void BulkWriter::flush()
{
    if (keys_.empty())
        return;
    session_.check(moddb_batch_run(batch_.get()));
    for (std::size_t index = 0; index < keys_.size(); ++index) {
        const moddb_op_result result = result_of(session_, batch_.get(), index);
        if (result.status != 0)
            throw Failure::of(-result.status,
                              fmt::format("{}: {}", quote(keys_[index]), result.text));
    }
    moddb_batch_clear(batch_.get());
    keys_.clear();
    bytes_ = 0;
}

} // namespace cli
