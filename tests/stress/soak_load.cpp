// SPDX-License-Identifier: MIT
//
// The load of the soak. A value contains its key and number, from which the rest follows, so every
// reader can check it. Errors are accepted only where memory, time or a database may be missing; a
// wrong value never is.

#include "soak.hpp"

#include <string_view>

#include <ctime>

namespace soak {

namespace {

constexpr const char *cache = "soak.cache";

std::string value_of(std::string_view key, std::uint64_t number)
{
    std::string value = std::to_string(number) + " " + std::string(key) + " ";
    // Any length, sometimes one that needs several messages.
    const std::size_t length = number % 97 == 0 ? 100'000 : number % 11 * 90;
    value.append(length, static_cast<char>('a' + number % 26));
    return value;
}

// Checks a value of the key and returns its number.
std::uint64_t check_value(std::string_view key, std::string_view value)
{
    const std::uint64_t number =
        std::strtoull(std::string(value.substr(0, 20)).c_str(), nullptr, 10);
    test::require(value == value_of(key, number),
                  std::string(key) +
                      " has a value that no process wrote: " + std::string(value.substr(0, 80)));
    return number;
}

bool may_happen(const moddb::Error &error)
{
    switch (error.code().value()) {
    case ENOMEM:
    case EDQUOT:
    case EAGAIN:
    case ENOBUFS:
    case ETIMEDOUT:
    case ESTALE:
    case ENXIO:
    case EEXIST:
        return true;
    }
    return false;
}

// Runs and counts an operation; returns false if it was refused.
template <typename F>
bool attempt(Progress &progress, F &&act)
{
    try {
        act();
        ++progress.operations;
        return true;
    } catch (const moddb::Error &error) {
        test::require(may_happen(error),
                      std::string("an error that may happen, not: ") + error.what());
        ++progress.refusals;
    } catch (const std::bad_alloc &) {
        ++progress.refusals;
    }
    return false;
}

std::string own_key(unsigned slot, unsigned key)
{
    return "own/" + std::to_string(slot) + "/" + std::to_string(key);
}

void write_own(Progress &progress, moddb::Database &database, unsigned slot, unsigned key)
{
    Slot &mine = progress.slot[slot];
    const std::string name = own_key(slot, key);
    const std::uint64_t number =
        std::max(mine.begun[key].load(), mine.acknowledged[key].load()) + 1;
    mine.begun[key] = number;
    if (attempt(progress, [&] { database.set(name, value_of(name, number)); }))
        mine.acknowledged[key] = number;
}

void read_own(Progress &progress, moddb::Database &database, unsigned slot, unsigned key)
{
    const Slot &mine = progress.slot[slot];
    const std::string name = own_key(slot, key);
    attempt(progress, [&] {
        const std::uint64_t least = mine.acknowledged[key];
        const auto value = database.get(name);
        test::require(value || least == 0, name + " is gone");
        if (value) {
            const std::uint64_t number = check_value(name, *value);
            test::require(number >= least, name + " is older than what was acknowledged");
            test::require(number <= mine.begun[key], name + " is newer than what was written");
        }
    });
}

// Two keys that are only written together, in a transaction.
void write_pair(Progress &progress, moddb::Database &database, unsigned slot, std::mt19937 &random)
{
    const std::string pair = "pair/" + std::to_string(slot);
    attempt(progress, [&] {
        // A killed predecessor may have left a number that was never acknowledged.
        const auto before = database.get(pair + "/a");
        const std::uint64_t number = before ? std::stoull(*before) + 1 : 1;
        moddb::Batch batch = database.batch();
        batch.set(pair + "/a", std::to_string(number));
        batch.set(pair + "/b", std::to_string(number));
        if (random() % 2)
            batch.incr("transactions");
        batch.commit();
    });
}

void read_pair(Progress &progress, moddb::Database &database, unsigned slot)
{
    const std::string pair = "pair/" + std::to_string(slot);
    attempt(progress, [&] {
        const auto a = database.get(pair + "/a"), b = database.get(pair + "/b");
        test::require(!a || (b && std::stoull(*b) >= std::stoull(*a)),
                      "of a transaction the second key is older than the first");
    });
}

void count(Progress &progress, moddb::Database &database)
{
    ++progress.perhaps_counted;
    if (attempt(progress, [&] { database.incr("count"); }))
        ++progress.counted;
}

std::uint64_t boot_ms()
{
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1'000'000;
}

// Changes of the wall clock must not matter.
void expire(Progress &progress, moddb::Database &database, unsigned slot, std::mt19937 &random)
{
    const std::string pid = std::to_string(getpid()) + "/" + std::to_string(slot);
    attempt(progress, [&] {
        moddb::WriteOptions options;
        options.ttl = moddb::Milliseconds(20 + random() % 60);
        database.set("brief/" + pid, "v", options);
        options.ttl = moddb::Milliseconds(3'600'000);
        database.set("lasting/" + std::to_string(slot), "v", options);
        const std::uint64_t end = boot_ms() + 81;
        while (boot_ms() < end)
            test::pause(std::chrono::milliseconds(5));
        test::require(!database.get("brief/" + pid), "an entry outlives its time");
        test::require(database.get("lasting/" + std::to_string(slot)).has_value(),
                      "an entry ends before its time");
    });
}

void watch(Progress &progress, moddb::Database &database)
{
    attempt(progress, [&] {
        moddb::WatchOptions options;
        options.key = "own/";
        options.initial = true;
        moddb::Watch watch = database.watch(options);
        for (unsigned i = 0; i < 50; ++i) {
            const auto event = watch.read(moddb::Milliseconds(5));
            if (!event)
                break;
            if (event->kind == moddb::Kind::set && event->value)
                check_value(event->key, *event->value);
        }
    });
}

// An entry that is deleted with this session, however that ends.
void hold(Progress &progress, moddb::Database &database, unsigned slot)
{
    attempt(progress, [&] {
        moddb::WriteOptions options;
        options.ephemeral = true;
        database.set("held/" + std::to_string(slot) + "/" + std::to_string(getpid()), "v", options);
    });
}

void use_cache(Progress &progress, std::mt19937 &random)
{
    attempt(progress, [&] {
        moddb::Database database(cache);
        for (unsigned i = 0; i < 50; ++i) {
            const std::string key = "c" + std::to_string(random() % 4000);
            if (random() % 3)
                database.set(key, value_of(key, random() % 1000));
            else if (const auto value = database.get(key))
                check_value(key, *value);
        }
    });
}

moddb::Transport transport_of(std::mt19937 &random)
{
    static constexpr moddb::Transport all[] = {moddb::Transport::automatic,
                                               moddb::Transport::device, moddb::Transport::netlink};
    return all[random() % std::size(all)];
}

void check_entry(const moddb::EntryView &entry)
{
    if (entry.value && entry.key.starts_with("own/"))
        check_value(entry.key, *entry.value);
}

} // namespace

void write_and_read(Progress &progress, std::mt19937 &random, unsigned slot)
{
    attempt(progress, [&] {
        moddb::Database database("default", transport_of(random));
        ++progress.sessions;
        for (unsigned i = 20 + random() % 300; i && !progress.is_over; --i) {
            const auto key = static_cast<unsigned>(random() % keys);
            switch (random() % 16) {
            case 0:
                write_pair(progress, database, slot, random);
                break;
            case 1:
                count(progress, database);
                break;
            case 2:
                hold(progress, database, slot);
                break;
            case 3:
                if (i % 8 == 0)
                    expire(progress, database, slot, random);
                break;
            case 4:
            case 5:
            case 6:
                write_own(progress, database, slot, key);
                break;
            case 7:
                read_pair(progress, database, static_cast<unsigned>(random() % slots));
                break;
            case 8:
                if (i % 8 == 0)
                    use_cache(progress, random);
                break;
            default:
                read_own(progress, database, slot, key);
            }
        }
    });
}

void read_all(Progress &progress, std::mt19937 &random, unsigned)
{
    attempt(progress, [&] {
        moddb::Database database("default", transport_of(random));
        ++progress.sessions;
        for (unsigned i = 0; i < 10 && !progress.is_over; ++i) {
            switch (random() % 3) {
            case 0:
                for (const moddb::EntryView &entry : database.list({"", 0, true, false}))
                    check_entry(entry);
                break;
            case 1: {
                moddb::Snapshot snapshot = database.snapshot();
                while (const auto entry = snapshot.next())
                    check_entry(*entry);
                break;
            }
            default:
                watch(progress, database);
            }
            ++progress.operations;
        }
    });
}

void be_brief(Progress &progress, std::mt19937 &random, unsigned)
{
    for (unsigned i = 0; i < 50 && !progress.is_over; ++i)
        if (attempt(progress, [&] {
                moddb::Database database("default", transport_of(random));
                moddb::WriteOptions options;
                options.ephemeral = true;
                const std::string key = "visit/" + std::to_string(getpid());
                database.set(key, key, options);
                test::require(database.get(key) == key, "a session does not find what it wrote");
            }))
            ++progress.sessions;
}

void change_databases(Progress &progress, std::mt19937 &random, unsigned)
{
    attempt(progress, [&] {
        moddb::Database root;
        moddb::DatabaseOptions evicting;
        evicting.evict = true;
        evicting.max_bytes = 1 << 20;
        try {
            root.create(cache, evicting);
        } catch (const moddb::Error &) {
            // It exists most of the time.
        }
        const std::string name = "soak.temporary", next = "soak.next";
        attempt(progress, [&] { root.create(next); });
        attempt(progress, [&] {
            moddb::Database database(next);
            for (unsigned i = 0; i < 300; ++i) {
                const std::string key = std::to_string(i);
                database.set(key, value_of(key, i));
                if (i % 4 == 0)
                    check_value(key, database.get(key).value_or(""));
            }
        });
        attempt(progress, [&] { root.replace({{name, next}}); });
        attempt(progress, [&] {
            moddb::Database database(name);
            for (const moddb::EntryView &entry : database.list({"", 0, true, false}))
                check_value(entry.key, *entry.value);
            moddb::DatabaseOptions options;
            options.max_keys = random() % 2 ? 0 : 10;
            options.mode = 0600;
            root.alter(name, options);
        });
        if (random() % 4 == 0)
            attempt(progress, [&] { root.remove(random() % 2 ? name : cache); });
    });
}

void check_acknowledged(Progress &progress)
{
    moddb::Database database;
    for (unsigned slot = 0; slot < slots; ++slot) {
        for (unsigned key = 0; key < keys; ++key)
            read_own(progress, database, slot, key);
        const std::string pair = "pair/" + std::to_string(slot);
        test::require(database.get(pair + "/a") == database.get(pair + "/b"),
                      "a transaction was done in part");
    }
    const std::uint64_t counted = std::stoull(database.get("count").value_or("0"));
    test::require(counted >= progress.counted && counted <= progress.perhaps_counted,
                  "the count is what was counted: " + std::to_string(progress.counted) +
                      " <= " + std::to_string(counted));
    for (const char *prefix : {"held/", "visit/", "brief/"}) {
        moddb::ListOptions options;
        options.prefix = prefix;
        test::require(database.list(options).size() == 0,
                      std::string("nothing is left of ") + prefix);
    }
}

} // namespace soak
