// SPDX-License-Identifier: MIT
//
// Reads all entries, as of one revision if other users allow it.

#include "entries.hpp"

#include <algorithm>
#include <cerrno>

namespace cli {

namespace {

// A snapshot needs a watch, and the watch a log, which costs more than reading that many keys
// twice.
constexpr std::uint64_t few_keys = 1000;

// Whether a listing would fail for the same reason as the snapshot.
bool is_final(int error)
{
    switch (error) {
    case EACCES:
    case EPERM:
    case ENXIO:
    case ENODEV:
    case EINVAL:
        return true;
    default:
        return false;
    }
}

} // namespace

Entries::Entries(const Session &session, std::string_view prefix,
                 const std::function<void()> &on_signal)
    : session_(session), entry_(MODDB_INIT(entry_))
{
    try {
        if (read_unchanged(prefix))
            return;
        while (!(snapshot_ = try_snapshot(prefix)))
            on_signal();
    } catch (const Failure &failure) {
        if (is_final(failure.error()))
            throw;
        inexact_reason_ = failure.what();
        read_listing(prefix);
        return;
    }
    revision_ = moddb_snapshot_revision(snapshot_.get());
    count_ = moddb_snapshot_count(snapshot_.get());
}

Snapshot Entries::try_snapshot(std::string_view prefix) const
{
    try {
        return session_.snapshot(prefix);
    } catch (const Failure &failure) {
        if (failure.error() != EINTR)
            throw;
        return nullptr;
    }
}

void Entries::read_listing(std::string_view prefix)
{
    moddb_list_options options = MODDB_INIT(options);
    options.prefix = prefix.data();
    options.prefix_length = prefix.size();
    options.flags = MODDB_LIST_VALUES | MODDB_LIST_INFO;
    const List list = session_.list(options);
    listed_.clear();
    revision_ = moddb_list_revision(list.get());
    while (session_.check(moddb_list_next(list.get(), &entry_)) > 0)
        listed_.push_back({std::string(key_of(entry_)), std::string(value_of(entry_)), entry_});
    std::sort(listed_.begin(), listed_.end(),
              [](const Item &a, const Item &b) { return a.key < b.key; });
    count_ = listed_.size();
}

// Lists a small database. The listing is exact if the revision is still the same afterwards.
bool Entries::read_unchanged(std::string_view prefix)
{
    if (session_.database_info().keys > few_keys)
        return false;
    read_listing(prefix);
    return session_.database_info().revision == revision_;
}

const moddb_entry *Entries::next()
{
    if (snapshot_)
        return session_.check(moddb_snapshot_next(snapshot_.get(), &entry_)) > 0 ? &entry_
                                                                                 : nullptr;
    if (next_ == listed_.size())
        return nullptr;
    Item &item = listed_[next_++];
    item.entry.key = item.key.data();
    item.entry.value = item.value.data();
    return &item.entry;
}

} // namespace cli
