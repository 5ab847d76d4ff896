// SPDX-License-Identifier: MIT
//
// Fills databases that nobody else can read, and puts them in the places of the old ones.

#include "archive/restore.hpp"

#include "bulk_writer.hpp"
#include "session.hpp"

#include <atomic>
#include <cerrno>
#include <fmt/core.h>
#include <list>
#include <optional>
#include <span>
#include <unistd.h>

namespace cli::archive {

namespace {

// Several threads of a process may restore at the same time.
std::atomic<std::uint64_t> last_staging;

// A database that is filled before it replaces another.
class Staging {
  public:
    Staging(const std::string &transport, const Session &administration, Database wanted)
        : administration_(administration), wanted_(std::move(wanted)),
          name_(fmt::format("restore.{}.{}", ::getpid(), last_staging++))
    {
        // Nobody else can read it before it is complete, and the kernel deletes it if this process
        // ends before, however it ends.
        moddb_database_options options = MODDB_INIT(options);
        options.fields = MODDB_DATABASE_MODE | MODDB_DATABASE_EPHEMERAL;
        options.mode = 0600;
        options.ephemeral = 1;
        administration_.check(
            moddb_database_create(administration_.handle(), name_.c_str(), &options), name_);
        session_.emplace(transport, name_);
        writer_.emplace(*session_);
    }
    Staging(const Staging &) = delete;
    Staging &operator=(const Staging &) = delete;

    void add(const Entry &entry) { writer_->add(entry.key, entry.value, entry.ttl_ms, entry.tag); }

    // Call it after the last entry. A session of its own for each of thousands of databases would
    // exceed the limit of open files.
    void filled()
    {
        writer_->flush();
        writer_.reset();
        session_.reset();
    }

    // Applies the saved owner, mode and limits.
    void complete()
    {
        moddb_database_options options = MODDB_INIT(options);
        options.fields = MODDB_DATABASE_OWNER | MODDB_DATABASE_GROUP | MODDB_DATABASE_MODE |
                         MODDB_DATABASE_MAX_BYTES | MODDB_DATABASE_MAX_KEYS | MODDB_DATABASE_EVICT |
                         MODDB_DATABASE_SHARED;
        options.owner = wanted_.owner;
        options.group = wanted_.group;
        options.mode = wanted_.mode;
        options.max_bytes = wanted_.max_bytes;
        options.max_keys = wanted_.max_keys;
        options.evict = (wanted_.flags & flag_evict) != 0;
        options.shared = (wanted_.flags & flag_shared) != 0;
        if ((wanted_.flags & flag_sealed) != 0) {
            options.fields |= MODDB_DATABASE_SEALED;
            options.sealed = 1;
        }
        administration_.check(
            moddb_database_alter(administration_.handle(), name_.c_str(), &options), wanted_.name);
    }

    const std::string &name() const { return name_; }
    const std::string &wanted_name() const { return wanted_.name; }

  private:
    const Session &administration_;
    Database wanted_;
    std::string name_;
    std::optional<Session> session_;
    std::optional<BulkWriter> writer_;
};

// All in one instant; in parts if one message cannot name so many.
void replace_databases(const Session &administration, std::span<const char *> names,
                       std::span<const char *> sources)
{
    const int result =
        moddb_database_replace(administration.handle(), names.data(), sources.data(), names.size());
    if (result != -EMSGSIZE || names.size() < 2) {
        administration.check(result);
        return;
    }
    const std::size_t half = names.size() / 2;
    replace_databases(administration, names.first(half), sources.first(half));
    replace_databases(administration, names.subspan(half), sources.subspan(half));
}

void replace_databases(const Session &administration, const std::list<Staging> &all)
{
    std::vector<const char *> names;
    std::vector<const char *> sources;
    for (const Staging &staging : all) {
        names.push_back(staging.wanted_name().c_str());
        sources.push_back(staging.name().c_str());
    }
    replace_databases(administration, names, sources);
}

} // namespace

std::vector<std::string> restore(const std::string &transport, Reader &reader,
                                 const std::function<void(std::uint64_t)> &progress)
{
    const Session administration(transport, "");
    std::list<Staging> all;
    const auto end_last = [&all] {
        if (!all.empty())
            all.back().filled();
    };
    reader.read({[&](const Database &database) {
                     end_last();
                     all.emplace_back(transport, administration, database);
                 },
                 [&](const Entry &entry) { all.back().add(entry); }, progress});
    end_last();
    for (Staging &staging : all)
        staging.complete();
    if (!all.empty())
        replace_databases(administration, all);
    std::vector<std::string> names;
    for (const Staging &staging : all)
        names.push_back(staging.wanted_name());
    return names;
}

} // namespace cli::archive
