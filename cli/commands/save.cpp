// SPDX-License-Identifier: MIT
//
// moddb save: writes every database that the caller may read to a file.

#include "archive/writer.hpp"
#include "commands.hpp"
#include "counters.hpp"
#include "session.hpp"
#include "terminal/interrupt.hpp"
#include "terminal/output.hpp"
#include "terminal/progress.hpp"
#include "text/escape.hpp"

#include <fmt/core.h>

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

void save_database(archive::Writer &writer, const Session &session, const moddb_database_info &info,
                   Interrupt &interrupt)
{
    const Snapshot snapshot = session.snapshot("");
    writer.add(archived(info, moddb_snapshot_revision(snapshot.get())));
    Progress progress(fmt::format("saving {}", escape(info.name)),
                      moddb_snapshot_count(snapshot.get()));
    moddb_entry entry = MODDB_INIT(entry);
    for (std::uint64_t done = 0; session.check(moddb_snapshot_next(snapshot.get(), &entry)) > 0;) {
        interrupt.check();
        progress.update(++done);
        if ((entry.flags & MODDB_EPHEMERAL) == 0)
            writer.add(archive::Entry{key_of(entry), value_of(entry), entry.version, entry.mtime_ns,
                                      entry.ttl_ms, entry.uid});
    }
}

ExitStatus run(const Invocation &invocation)
{
    // From here on a signal removes the file that is being written.
    Interrupt interrupt;
    const Session session(invocation.globals, "");
    archive::Writer writer(invocation.operands.words[0]);
    for (const moddb_database_info &info : read_databases(session)) {
        if (info.ephemeral != 0)
            continue;
        try {
            save_database(writer, Session(invocation.globals, info.name), info, interrupt);
        } catch (const Failure &failure) {
            if (failure.status() != ExitStatus::permission)
                throw;
            complain(fmt::format("{} is left out: {}", quote(info.name), failure.what()));
        }
    }
    writer.commit();
    return ExitStatus::done;
}

Action define(CLI::App &)
{
    return run;
}

} // namespace

const Command save_command{
    .name = "save",
    .operands = "FILE",
    .summary = "Write every database that you may read to FILE",
    .details = "FILE is replaced in one step, once the new one is complete and on the disk.\n"
               "Entries and databases that belong to a session are left out.",
    .least_operands = 1,
    .most_operands = 1,
    .define = define,
};

} // namespace cli
