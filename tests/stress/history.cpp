// SPDX-License-Identifier: MIT
//
// Eight processes write, delete and read the same hundred keys as fast as they can, with
// self-checking values, and one of them sometimes clears all. Each writes its history to a file in
// the directory that is the argument. This program checks only the values; check-history, which
// does not rely on it, checks the order.

#include "history.hpp"
#include "../support/process.hpp"

#include <cinttypes>
#include <fstream>
#include <map>
#include <optional>
#include <random>

namespace {

using history::Event;
using history::Operation;

constexpr unsigned processes = 8;
constexpr unsigned keys = 100;
constexpr unsigned operations = 4000;

std::string key_of(unsigned number)
{
    return "contended-" + std::to_string(number);
}

// Some exceed a cache line, a page, or the largest slab allocation.
std::string value_of(unsigned key, unsigned process, std::uint64_t sequence)
{
    static constexpr std::size_t paddings[] = {0, 8, 100, 300, 1000, 5000};
    std::string value =
        std::to_string(key) + ' ' + std::to_string(process) + ' ' + std::to_string(sequence) + ' ';
    value.append(paddings[sequence % std::size(paddings)], static_cast<char>('a' + process));
    return value + ' ' + std::to_string(history::checksum(value));
}

// Fills in the writer of the value; fails if no process can have written it.
void read_value(const std::string &value, Event &event)
{
    const std::size_t end = value.rfind(' ');
    unsigned key = 0;
    test::require(
        end != std::string::npos &&
            value.substr(end + 1) == std::to_string(history::checksum(value.substr(0, end))) &&
            std::sscanf(value.c_str(), "%u %u %" SCNu64, &key, &event.process, &event.sequence) ==
                3,
        "a value that nobody wrote: " + value.substr(0, 100));
    test::require(key == event.key, "key " + std::to_string(event.key) + " has a value of key " +
                                        std::to_string(key));
}

// A third of the processes each use netlink, the device, and the window. One history has the reads
// of all of them.
class Client {
  public:
    explicit Client(unsigned process)
        : database_("default", ways[process % std::size(ways)]),
          has_window_(ways[process % std::size(ways)] == moddb::Transport::automatic)
    {
    }

    moddb::Database &database() { return database_; }

    // Returns the value, and fills in the version.
    std::optional<std::string> read(unsigned key, std::uint64_t &version)
    {
        if (!has_window_) {
            const auto found = database_.get_with_info(key_of(key));
            if (!found)
                return std::nullopt;
            version = found->info.version;
            return found->value;
        }
        auto cached = cached_.find(key);
        if (cached == cached_.end())
            cached = cached_.emplace(key, database_.cached(key_of(key))).first;
        const auto value = cached->second.get(&version);
        if (!value) {
            version = 0;
            return std::nullopt;
        }
        return std::string(*value);
    }

  private:
    static constexpr moddb::Transport ways[] = {
        moddb::Transport::automatic, moddb::Transport::device, moddb::Transport::netlink};

    moddb::Database database_;
    bool has_window_;
    std::map<unsigned, moddb::CachedKey> cached_;
};

// A watch that matches no key: it receives only clears, and so their versions.
class Clearer {
  public:
    explicit Clearer(moddb::Database &database) : database_(database), watch_(watch(database)) {}

    Event clear(unsigned process, std::uint64_t sequence)
    {
        Event event{Operation::clear, 0, 0, process, sequence, test::nanoseconds(), 0};
        database_.clear("default");
        event.end = test::nanoseconds();
        const auto heard = watch_.read(std::chrono::seconds(60));
        test::require(heard && heard->kind == moddb::Kind::cleared, "a clear has its event");
        event.version = heard->info.version;
        return event;
    }

  private:
    static moddb::Watch watch(moddb::Database &database)
    {
        moddb::WatchOptions options;
        options.key = "no such key";
        options.exact = true;
        return database.watch(options);
    }

    moddb::Database &database_;
    moddb::Watch watch_;
};

// A swap or a take is a write, and a read of the previous value.
Event exchange(moddb::Database &database, Event event, bool takes, std::vector<Event> &events)
{
    const moddb::ExchangeResult done =
        takes
            ? database.take(key_of(event.key))
            : database.swap(key_of(event.key), value_of(event.key, event.process, event.sequence));
    event.operation = takes ? Operation::del : Operation::set;
    event.version = done.version;
    event.end = test::nanoseconds();
    Event before = event;
    before.operation = Operation::get;
    before.version = done.previous_version;
    if (done.previous)
        read_value(*done.previous, before);
    events.push_back(before);
    return event;
}

Event act(Client &client, unsigned process, std::uint64_t sequence, unsigned choice, unsigned key,
          std::vector<Event> &events)
{
    moddb::Database &database = client.database();
    Event event{Operation::get, key, 0, process, sequence, test::nanoseconds(), 0};
    if (choice < 15)
        return exchange(database, event, choice < 5, events);
    if (choice < 45) {
        event.operation = Operation::set;
        event.version = database.set(key_of(key), value_of(key, process, sequence));
        event.end = test::nanoseconds();
    } else if (choice < 55) {
        event.operation = Operation::del;
        event.version = database.del(key_of(key), moddb::WriteOptions{}).version;
        event.end = test::nanoseconds();
    } else {
        const auto found = client.read(key, event.version);
        event.end = test::nanoseconds();
        if (found)
            read_value(*found, event);
    }
    return event;
}

void hammer(const std::string &directory, unsigned process)
{
    Client client(process);
    std::mt19937 random(process + 1);
    std::vector<Event> events;
    events.reserve(operations);
    std::optional<Clearer> clearer;
    for (std::uint64_t sequence = 0; sequence < operations; ++sequence) {
        // Only while clearing: with a watch, writers take turns at its log.
        if (process == 0 && sequence == operations / 2)
            clearer.emplace(client.database());
        if (clearer && sequence % 50 == 0) {
            events.push_back(clearer->clear(process, sequence));
            continue;
        }
        // A few keys get most of the operations.
        const unsigned key = random() % 2 ? random() % 4 : random() % keys;
        events.push_back(act(client, process, sequence, random() % 100, key, events));
    }
    std::ofstream file(directory + "/" + std::to_string(process));
    for (const Event &event : events)
        file << static_cast<char>(event.operation) << ' ' << event.key << ' ' << event.version
             << ' ' << event.process << ' ' << event.sequence << ' ' << event.begin << ' '
             << event.end << '\n';
    test::require(file.flush().good(), "the history can be written");
}

} // namespace

int main(int argc, char **argv)
{
    test::require(argc == 2, "usage: stress-history DIRECTORY");
    return test::run_test("history", [&] {
        test::Workers workers;
        for (unsigned process = 0; process < processes; ++process)
            workers.start([&, process] { hammer(argv[1], process); });
        workers.wait();
        moddb::Database().clear("default");
    });
}
