// SPDX-License-Identifier: MIT
//
// moddb restore: replaces databases by saved ones of the same names, all in one instant. Nothing
// changes until the whole file is in the kernel.

#include "archive/reader.hpp"
#include "bulk_writer.hpp"
#include "commands.hpp"
#include "descriptor.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/progress.hpp"
#include "terminal/ready.hpp"
#include "text/duration.hpp"

#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <fmt/core.h>
#include <list>
#include <memory>
#include <optional>
#include <span>
#include <unistd.h>
#include <vector>

namespace cli {

namespace {

// A database that is filled before it replaces another.
class Staging {
  public:
    Staging(const Globals &globals, const Session &administration, archive::Database wanted,
            std::size_t index)
        : administration_(administration), wanted_(std::move(wanted)),
          name_(fmt::format("restore.{}.{}", ::getpid(), index))
    {
        // Nobody else can read it before it is complete, and the kernel deletes it if this process
        // ends before, however it ends.
        moddb_database_options options = MODDB_INIT(options);
        options.fields = MODDB_DATABASE_MODE | MODDB_DATABASE_EPHEMERAL;
        options.mode = 0600;
        options.ephemeral = 1;
        administration_.check(
            moddb_database_create(administration_.handle(), name_.c_str(), &options), name_);
        session_.emplace(globals, name_);
        writer_.emplace(*session_);
    }
    Staging(const Staging &) = delete;
    Staging &operator=(const Staging &) = delete;

    void add(const archive::Entry &entry)
    {
        writer_->add(entry.key, entry.value, entry.ttl_ms, entry.tag);
    }

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
        options.evict = (wanted_.flags & archive::flag_evict) != 0;
        options.shared = (wanted_.flags & archive::flag_shared) != 0;
        if ((wanted_.flags & archive::flag_sealed) != 0) {
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
    archive::Database wanted_;
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

struct Options {
    bool check = false;
    bool if_exists = false;
    std::optional<std::string> ready_after;
    std::optional<std::string> marker;
};

// Creates the file that exists while restoring is incomplete.
void make_marker(const std::string &path)
{
    const int descriptor =
        above_standard(::open(path.c_str(), O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0644));
    if (descriptor < 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot create {}: {}", path, std::strerror(errno)));
    ::close(descriptor);
}

ExitStatus complete(const Options &options, Ready &ready)
{
    if (options.marker && ::unlink(options.marker->c_str()) != 0)
        throw Failure(ExitStatus::other,
                      fmt::format("cannot remove {}: {}", *options.marker, std::strerror(errno)));
    ready.notify();
    return ExitStatus::done;
}

ExitStatus run(const Options &options, const Invocation &invocation)
{
    std::optional<std::chrono::milliseconds> ready_after;
    if (options.ready_after)
        ready_after = parse_duration(*options.ready_after);
    if (options.marker == "-")
        throw UsageError("--marker requires the name of a file");
    Ready ready(ready_after);
    exit_on_signal();
    if (options.marker)
        make_marker(*options.marker);
    const std::string &path = invocation.operands.words[0];
    if (options.if_exists && path != "-" && ::access(path.c_str(), F_OK) != 0 && errno == ENOENT)
        return complete(options, ready);
    archive::Reader reader(path);
    reader.verify([&](std::uint64_t) { ready.notify_if_due(); });
    if (options.check)
        return ExitStatus::done;

    const Session administration(invocation.globals, "");
    std::list<Staging> all;
    Progress progress("restoring", reader.size());
    const auto end_last = [&all] {
        if (!all.empty())
            all.back().filled();
    };
    reader.read({[&](const archive::Database &database) {
                     end_last();
                     all.emplace_back(invocation.globals, administration, database, all.size());
                 },
                 [&](const archive::Entry &entry) { all.back().add(entry); },
                 [&](std::uint64_t position) {
                     ready.notify_if_due();
                     progress.update(position);
                 }});
    end_last();
    for (Staging &staging : all)
        staging.complete();
    if (!all.empty())
        replace_databases(administration, all);
    return complete(options, ready);
}

Action define(OptionTable &table)
{
    const auto options = std::make_shared<Options>();
    add_switch(table, "--check", options->check, "only check whether the file is intact");
    add_switch(table, "--if-exists", options->if_exists, "do nothing if there is no such file");
    add_text(table, "--ready-after", "TIME", options->ready_after,
             "report readiness to the service manager after this time");
    add_text(table, "--marker", "FILE", options->marker,
             "a file that exists until everything is restored");
    return [options](const Invocation &invocation) { return run(*options, invocation); };
}

} // namespace

const Command restore_command{
    .name = "restore",
    .operands = "FILE",
    .summary = "Restore the databases of FILE",
    .details = "They replace those with the same names, all of them or none; more than some "
               "thousands, in parts.\n"
               "Databases that are not in FILE are not changed.",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
