// SPDX-License-Identifier: MIT
//
// moddb save: writes every database that the caller may read to a file.

#include "archive/writer.hpp"
#include "commands.hpp"
#include "counters.hpp"
#include "entries.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "terminal/progress.hpp"
#include "text/escape.hpp"

#include <cerrno>
#include <fmt/core.h>
#include <memory>
#include <optional>

namespace cli {

namespace {

archive::Database archived(const moddb_database_info &info, std::uint64_t revision)
{
    archive::Database database;
    database.name = info.name;
    database.owner = info.owner;
    database.group = info.group;
    database.mode = info.mode;
    database.flags = (info.evict != 0 ? archive::flag_evict : 0) |
                     (info.shared != 0 ? archive::flag_shared : 0) |
                     (info.sealed != 0 ? archive::flag_sealed : 0);
    database.max_bytes = info.max_bytes;
    database.max_keys = info.max_keys;
    database.revision = revision;
    return database;
}

// How often to retry a database that is deleted, or replaced, while it is read.
constexpr int attempts = 5;

struct Opened {
    std::unique_ptr<Session> session;
    std::unique_ptr<Entries> entries;
    // Read after the entries, which may be of a newer database of the same name.
    moddb_database_info info;
};

// Reads a database; returns nothing if it was deleted. Throws Failure, also if it was replaced in
// every attempt.
std::optional<Opened> open_database(const Globals &globals, const std::string &name)
{
    for (int attempt = 1;; ++attempt) {
        try {
            Opened opened;
            opened.session = std::make_unique<Session>(globals, name);
            opened.entries = std::make_unique<Entries>(*opened.session, "");
            opened.info = opened.session->database_info();
            return opened;
        } catch (const Failure &failure) {
            if (failure.error() == ENXIO)
                return std::nullopt;
            if (failure.error() != ESTALE || attempt == attempts)
                throw;
        }
    }
}

void save_database(archive::Writer &writer, const moddb_database_info &info, Entries &entries)
{
    if (info.ephemeral != 0)
        return;
    if (!entries.exact())
        print_error(fmt::format("{} is saved, but not as of one revision: {}", quote(info.name),
                                entries.inexact_reason()));
    writer.add(archived(info, entries.revision()));
    Progress progress(fmt::format("saving {}", escape(info.name)), entries.count());
    std::uint64_t done = 0;
    while (const moddb_entry *entry = entries.next()) {
        progress.update(++done);
        if ((entry->flags & MODDB_EPHEMERAL) == 0)
            writer.add(archive::Entry{key_of(*entry), value_of(*entry), entry->version,
                                      entry->mtime_ns, entry->ttl_ms, entry->uid, entry->tag});
    }
}

ExitStatus run(const Invocation &invocation)
{
    exit_on_signal();
    const Session session(invocation.globals, "");
    archive::Writer writer(invocation.operands.words[0]);
    ExitStatus status = ExitStatus::done;
    for (const moddb_database_info &info : read_databases(session)) {
        if (info.ephemeral != 0)
            continue;
        try {
            if (auto opened = open_database(invocation.globals, info.name))
                save_database(writer, opened->info, *opened->entries);
        } catch (const Failure &failure) {
            // A failure of one database, which has an errno of the library, does not stop the
            // others from being saved; a failure of the file does.
            if (failure.error() == 0 || failure.error() == ENODEV)
                throw;
            print_error(fmt::format("{} is omitted: {}", quote(info.name), failure.what()));
            if (failure.status() != ExitStatus::permission)
                status = ExitStatus::other;
        }
    }
    writer.commit();
    return status;
}

Action define(OptionTable &)
{
    return run;
}

} // namespace

const Command save_command{
    .name = "save",
    .operands = "FILE",
    .summary = "Write every database that you may read to FILE",
    .details = "FILE is replaced in one step when the new one is complete and on the disk.\n"
               "Entries and databases that belong to a session are omitted.",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
