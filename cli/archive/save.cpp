// SPDX-License-Identifier: MIT
//
// Reads databases one after the other, each as of one revision if other users allow it.

#include "archive/save.hpp"

#include "counters.hpp"
#include "entries.hpp"

#include <cerrno>
#include <memory>

namespace cli::archive {

namespace {

Database archived(const moddb_database_info &info, std::uint64_t revision)
{
    Database database;
    database.name = info.name;
    database.owner = info.owner;
    database.group = info.group;
    database.mode = info.mode;
    database.flags = (info.evict != 0 ? flag_evict : 0) | (info.shared != 0 ? flag_shared : 0) |
                     (info.sealed != 0 ? flag_sealed : 0);
    database.max_bytes = info.max_bytes;
    database.max_keys = info.max_keys;
    database.revision = revision;
    return database;
}

struct Opened {
    std::unique_ptr<Session> session;
    std::unique_ptr<Entries> entries;
    // Read after the entries, which may be of a newer database of the same name.
    moddb_database_info info;
};

// Reads a database. Throws Failure.
Opened open_database(const std::string &transport, const std::string &name, SaveObserver &observer)
{
    Opened opened;
    opened.session = std::make_unique<Session>(transport, name);
    opened.entries =
        std::make_unique<Entries>(*opened.session, "", [&observer] { observer.interrupted(); });
    opened.info = opened.session->database_info();
    return opened;
}

void write(const moddb_database_info &info, Entries &entries, Writer &writer,
           SaveObserver &observer)
{
    if (!entries.exact())
        observer.inexact(info.name, entries.inexact_reason());
    writer.add(archived(info, entries.revision()));
    observer.begin(info.name, entries.revision(), entries.count());
    std::uint64_t done = 0;
    while (const moddb_entry *entry = entries.next()) {
        observer.progress(++done);
        if ((entry->flags & MODDB_EPHEMERAL) == 0)
            writer.add(Entry{key_of(*entry), value_of(*entry), entry->version, entry->mtime_ns,
                             entry->ttl_ms, entry->uid, entry->tag});
    }
}

// A failure of one database, which has an errno of the library, does not stop the others from being
// saved; a failure of the file does.
bool is_of_database(const Failure &failure)
{
    return failure.error() != 0 && failure.error() != ENODEV;
}

void save_one(const std::string &transport, const std::string &name, Writer &writer,
              SaveObserver &observer)
{
    try {
        const Opened opened = open_database(transport, name, observer);
        if (opened.info.ephemeral == 0)
            write(opened.info, *opened.entries, writer, observer);
    } catch (const Failure &failure) {
        if (!is_of_database(failure))
            throw;
        // It may have been deleted since.
        if (failure.error() != ENXIO)
            observer.omitted(name, failure);
    }
}

} // namespace

void save_all(const Session &session, const std::string &transport, Writer &writer,
              SaveObserver &observer)
{
    for (const moddb_database_info &info : read_databases(session))
        if (info.ephemeral == 0)
            save_one(transport, info.name, writer, observer);
}

void save_named(const std::string &transport, const std::vector<std::string> &names, Writer &writer,
                SaveObserver &observer)
{
    for (const std::string &name : names) {
        const Opened opened = open_database(transport, name, observer);
        write(opened.info, *opened.entries, writer, observer);
    }
}

} // namespace cli::archive
