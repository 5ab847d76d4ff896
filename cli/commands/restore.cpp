// SPDX-License-Identifier: MIT
//
// moddb restore: puts saved databases in the place of those of the same names, all in the same
// instant. What is there changes only when everything of the file is in the kernel.

#include "archive/reader.hpp"
#include "bulk_writer.hpp"
#include "commands.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/progress.hpp"

#include <fmt/core.h>
#include <list>
#include <memory>
#include <optional>
#include <unistd.h>
#include <vector>

namespace cli {

namespace {

// A database that is filled beside the one whose place it will take.
class Staging {
  public:
    Staging(const Globals &globals, const Session &administration, archive::Database wanted,
            std::size_t index)
        : administration_(administration), wanted_(std::move(wanted)),
          name_(fmt::format("restore.{}.{}", ::getpid(), index))
    {
        // Nobody else looks into it before it is complete, and the kernel deletes it where this
        // process ends before that, however it ends.
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

    void add(const archive::Entry &entry) { writer_->add(entry.key, entry.value, entry.ttl_ms); }

    // Gives it the owner, the rights and the limits that were saved.
    void complete()
    {
        writer_->flush();
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

void place(const Session &administration, const std::list<Staging> &all)
{
    std::vector<const char *> names;
    std::vector<const char *> sources;
    for (const Staging &staging : all) {
        names.push_back(staging.wanted_name().c_str());
        sources.push_back(staging.name().c_str());
    }
    administration.check(moddb_database_replace(administration.handle(), names.data(),
                                                sources.data(), names.size()));
}

ExitStatus run(bool check, const Invocation &invocation)
{
    archive::Reader reader(invocation.operands.words[0]);
    reader.verify();
    if (check)
        return ExitStatus::done;

    Interrupt interrupt;
    const Session administration(invocation.globals, "");
    std::list<Staging> all;
    Progress progress("restoring", reader.size());
    reader.read({[&](const archive::Database &database) {
                     all.emplace_back(invocation.globals, administration, database, all.size());
                 },
                 [&](const archive::Entry &entry) {
                     interrupt.check();
                     all.back().add(entry);
                 },
                 [&](std::uint64_t place) { progress.update(place); }});
    for (Staging &staging : all)
        staging.complete();
    if (!all.empty())
        place(administration, all);
    return ExitStatus::done;
}

Action define(CLI::App &app)
{
    const auto check = std::make_shared<bool>(false);
    add_switch(app, "--check", *check, "only tell whether the file is whole");
    return [check](const Invocation &invocation) { return run(*check, invocation); };
}

} // namespace

const Command restore_command{
    .name = "restore",
    .operands = "FILE",
    .summary = "Bring back the databases of FILE",
    .details = "They take the place of those of the same names, all of them or none.\n"
               "Databases that FILE does not have stay as they are.",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
