// SPDX-License-Identifier: MIT
//
// Eight processes write, delete, touch and read the same keys as fast as they can, one by one and
// hundreds at a time, with self-checking values and tags; some entries have a short time to live.
// One of the processes sometimes clears the database, or replaces it with another. Each writes its
// history to a file in the directory that is the argument. This program checks only the values;
// check-history, which does not rely on it, checks the order.

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
constexpr unsigned keys = 400;
constexpr unsigned hot_keys = 4; // get half of the operations
constexpr unsigned operations = 4000;
constexpr unsigned transaction_keys = 300;

const std::string name = "history";
const std::string successor = "history-next";

std::string key_of(unsigned number)
{
    return "contended-" + std::to_string(number);
}

// The values that one transaction reads must fit into one reply, so only its hot keys have long
// values.
bool is_long(unsigned key)
{
    return key < hot_keys || key >= transaction_keys;
}

// Some exceed a cache line, a page, or the largest slab allocation.
std::string value_of(unsigned key, unsigned process, std::uint64_t sequence)
{
    static constexpr std::size_t paddings[] = {0, 8, 100, 300, 1000, 5000};
    std::string value =
        std::to_string(key) + ' ' + std::to_string(process) + ' ' + std::to_string(sequence) + ' ';
    value.append(paddings[is_long(key) ? sequence % std::size(paddings) : sequence % 3],
                 static_cast<char>('a' + process));
    return value + ' ' + std::to_string(history::checksum(value));
}

// The tag of a value; every other value has none.
std::uint32_t tag_of(unsigned process, std::uint64_t sequence)
{
    return sequence % 2 ? static_cast<std::uint32_t>(sequence * processes + process) : 0;
}

// Fills in the writer of the value; fails if no process can have written it.
void read_value(std::string_view bytes, Event &event)
{
    const std::string value(bytes);
    const std::size_t end = value.rfind(' ');
    unsigned key = 0;
    test::require(
        end != std::string::npos &&
            value.substr(end + 1) == std::to_string(history::checksum(value.substr(0, end))) &&
            std::sscanf(value.c_str(), "%u %u %" SCNu64, &key, &event.process, &event.sequence) ==
                3,
        "a value that no process wrote: " + value.substr(0, 100));
    test::require(key == event.key, "key " + std::to_string(event.key) + " has a value of key " +
                                        std::to_string(key));
}

void check_tag(std::uint32_t tag, const Event &event)
{
    test::require(tag == tag_of(event.process, event.sequence),
                  "key " + std::to_string(event.key) + " has another value's tag");
}

// A third of the processes each use netlink, the device, and the window. One history has the reads
// of all of them.
class Client {
  public:
    explicit Client(unsigned process)
        : database_(name, ways[process % std::size(ways)]),
          has_window_(ways[process % std::size(ways)] == moddb::Transport::automatic)
    {
    }

    moddb::Database &database() { return database_; }

    // Reads the key, and fills in what was found.
    void read(Event &event)
    {
        if (has_window_)
            return read_cached(event);
        const auto found = database_.get_with_info(key_of(event.key));
        event.end = test::nanoseconds();
        if (!found)
            return;
        event.version = found->info.version;
        read_value(found->value, event);
        check_tag(found->info.tag, event);
    }

  private:
    void read_cached(Event &event)
    {
        auto cached = cached_.find(event.key);
        if (cached == cached_.end())
            cached = cached_.emplace(event.key, database_.cached(key_of(event.key))).first;
        std::uint64_t version = 0;
        const auto value = cached->second.get(&version);
        event.end = test::nanoseconds();
        if (!value)
            return;
        event.version = version;
        read_value(*value, event);
    }

    static constexpr moddb::Transport ways[] = {
        moddb::Transport::automatic, moddb::Transport::device, moddb::Transport::netlink};

    moddb::Database database_;
    bool has_window_;
    std::map<unsigned, moddb::CachedKey> cached_;
};

// The one process that clears and replaces the database.
class Owner {
  public:
    explicit Owner(moddb::Database &database) : database_(database) {}

    // The version of a clear is that of its event. The watch is of a key that no process writes, so
    // it receives no other event.
    Event clear(Event event)
    {
        moddb::WatchOptions options;
        options.key = "no such key";
        options.exact = true;
        moddb::Watch watch = database_.watch(options);
        event.operation = Operation::clear;
        event.begin = test::nanoseconds();
        database_.clear(name);
        event.end = test::nanoseconds();
        const auto heard = watch.read(std::chrono::seconds(60));
        test::require(heard && heard->kind == moddb::Kind::cleared, "a clear is reported");
        event.version = heard->info.version;
        return event;
    }

    // Fills another database, and replaces the first one with it.
    void replace(Event event, std::mt19937 &random, std::vector<Event> &events)
    {
        database_.create(successor);
        std::vector<Event> fills;
        {
            moddb::Database other(successor);
            moddb::Batch batch = other.batch();
            event.operation = Operation::fill;
            for (event.key = 0; event.key < keys; event.key += 1 + random() % 3) {
                moddb::WriteOptions options;
                options.tag = tag_of(event.process, event.sequence);
                batch.set(key_of(event.key), value_of(event.key, event.process, event.sequence),
                          options);
                fills.push_back(event);
            }
            batch.run();
            for (std::size_t i = 0; i < fills.size(); ++i) {
                test::require(batch.result(i).status == 0, "the other database can be filled");
                fills[i].version = batch.result(i).version;
            }
        }
        event.operation = Operation::replace;
        event.begin = test::nanoseconds();
        database_.replace({{name, successor}});
        event.end = test::nanoseconds();
        events.push_back(event);
        for (Event &fill : fills) {
            fill.begin = event.begin;
            fill.end = event.end;
            events.push_back(fill);
        }
    }

  private:
    moddb::Database &database_;
};

// One process and its history.
class Actor {
  public:
    explicit Actor(unsigned process) : process_(process), client_(process), random_(process + 1)
    {
        events_.reserve(3 * operations);
    }

    void run()
    {
        Owner owner(client_.database());
        for (sequence_ = 1; sequence_ <= operations; ++sequence_) {
            Event event{Operation::get, 0, 0, process_, sequence_, test::nanoseconds(), 0};
            // Clears only in the second half, because a watch makes writers wait for each other at
            // its log.
            const bool clears = sequence_ > operations / 2 && sequence_ % 50 == 0;
            event.unit = new_unit();
            if (process_ == 0 && sequence_ % 200 == 100)
                owner.replace(event, random_, events_);
            else if (process_ == 0 && clears)
                events_.push_back(owner.clear(event));
            else
                perform(event);
        }
    }

    void write(const std::string &path) const
    {
        std::ofstream file(path);
        for (const Event &event : events_)
            file << static_cast<char>(event.operation) << ' ' << event.key << ' ' << event.version
                 << ' ' << event.process << ' ' << event.sequence << ' ' << event.begin << ' '
                 << event.end << ' ' << event.ttl << ' ' << event.unit << '\n';
        test::require(file.flush().good(), "the history can be written");
    }

  private:
    std::uint64_t new_unit() { return (sequence_ * processes) + process_; }

    // No operation may fail because the database is being replaced or cleared.
    void perform(const Event &event)
    {
        switch (random_() % 200) {
        case 0:
            return transact(event);
        case 1:
        case 2:
        case 3:
            return sweep(event);
        default:
            return act(event);
        }
    }

    unsigned draw_key()
    {
        const auto key = static_cast<unsigned>(random_());
        return key % 2 ? key / 2 % hot_keys : key / 2 % keys;
    }

    // Draws a time to live: none, or a few milliseconds.
    std::chrono::milliseconds draw_time()
    {
        static constexpr unsigned times[] = {0, 0, 0, 0, 0, 1, 3, 30};
        return std::chrono::milliseconds(times[random_() % std::size(times)]);
    }

    // Draws the time to live of the event.
    moddb::WriteOptions options_of(Event &event)
    {
        moddb::WriteOptions options;
        options.ttl = draw_time();
        options.tag = tag_of(process_, sequence_);
        event.ttl = static_cast<std::uint64_t>(std::chrono::nanoseconds(options.ttl).count());
        return options;
    }

    std::string new_value(const Event &event) const
    {
        return value_of(event.key, process_, sequence_);
    }

    void act(Event event)
    {
        moddb::Database &database = client_.database();
        event.key = draw_key();
        const std::string key = key_of(event.key);
        const unsigned choice = static_cast<unsigned>(random_() % 100);
        moddb::WriteOptions options;
        if (choice < 15)
            return exchange(event, choice < 5);
        if (choice < 45) {
            event.operation = Operation::set;
            options = options_of(event);
            event.begin = test::nanoseconds();
            // Without options the library takes a shorter path.
            event.version = event.ttl || options.tag
                                ? database.set(key, new_value(event), options).version
                                : database.set(key, new_value(event));
            event.end = test::nanoseconds();
        } else if (choice < 55) {
            event.operation = Operation::del;
            event.version = database.del(key, options).version;
            event.end = test::nanoseconds();
        } else if (choice < 65) {
            options.ttl = options_of(event).ttl;
            touched(event, database.touch(key, options).version);
            event.end = test::nanoseconds();
        } else {
            client_.read(event);
        }
        event.unit = 0;
        events_.push_back(event);
    }

    // Reads keys one by one in the order in which transactions write them, and may overtake one.
    void sweep(Event event)
    {
        event.unit = 0;
        for (event.key = static_cast<unsigned>(random_() % 30); event.key < transaction_keys;
             event.key += 1 + static_cast<unsigned>(random_() % 30)) {
            Event read = event;
            read.begin = test::nanoseconds();
            client_.read(read);
            events_.push_back(read);
        }
    }

    // A touch of a missing key shows no more than a get.
    static void touched(Event &event, std::uint64_t version)
    {
        event.operation = version ? Operation::touch : Operation::get;
        event.version = version;
        event.ttl = version ? event.ttl : 0;
    }

    // A swap or a take is a write, and a read of the previous value.
    void exchange(Event event, bool takes)
    {
        moddb::Database &database = client_.database();
        const std::string key = key_of(event.key);
        moddb::WriteOptions options;
        if (!takes)
            options = options_of(event);
        const moddb::ExchangeResult done =
            takes ? database.take(key) : database.swap(key, new_value(event), options);
        event.end = test::nanoseconds();
        Event before = event;
        before.version = done.previous_version;
        before.ttl = 0;
        if (done.previous)
            read_value(*done.previous, before);
        events_.push_back(before);
        event.operation = takes ? Operation::del : Operation::set;
        event.version = done.version;
        if (!takes || done.previous)
            events_.push_back(event);
    }

    // Reads only, writes only, or both, of hundreds of keys.
    void transact(Event event)
    {
        static constexpr unsigned reads[] = {0, 50, 100};
        const unsigned percent = reads[random_() % std::size(reads)];
        moddb::Batch batch = client_.database().batch();
        std::vector<Event> asked;
        for (event.key = 0; event.key < transaction_keys; ++event.key) {
            const bool is_read = random_() % 100 < percent;
            asked.push_back(is_read ? ask(batch, event) : change(batch, event));
        }
        const std::uint64_t begin = test::nanoseconds();
        test::require(batch.commit(), "a transaction without a condition is done");
        const std::uint64_t end = test::nanoseconds();
        for (std::size_t i = 0; i < asked.size(); ++i) {
            asked[i].begin = begin;
            asked[i].end = end;
            answered(asked[i], batch.result(i));
        }
    }

    static Event ask(moddb::Batch &batch, Event event)
    {
        batch.get(key_of(event.key), true);
        return event;
    }

    Event change(moddb::Batch &batch, Event event)
    {
        const std::string key = key_of(event.key);
        switch (random_() % 8) {
        case 0:
            event.operation = Operation::del;
            batch.del(key);
            return event;
        case 1: {
            event.operation = Operation::touch;
            moddb::WriteOptions options;
            options.ttl = options_of(event).ttl;
            batch.touch(key, options);
            return event;
        }
        default:
            event.operation = Operation::set;
            batch.set(key, new_value(event), options_of(event));
            return event;
        }
    }

    void answered(Event event, const moddb::OperationResult &result)
    {
        const bool is_found = result.status == 0;
        test::require(is_found || result.status == -ENOENT, "each operation is done");
        if (event.operation == Operation::touch)
            touched(event, is_found ? result.version : 0);
        else
            event.version = is_found ? result.version : 0;
        if (event.operation == Operation::get && is_found && result.value) {
            read_value(*result.value, event);
            check_tag(result.info.tag, event);
        }
        events_.push_back(event);
    }

    unsigned process_;
    Client client_;
    std::mt19937 random_;
    std::uint64_t sequence_ = 0;
    std::vector<Event> events_;
};

} // namespace

int main(int argc, char **argv)
{
    test::require(argc == 2, "usage: stress-history DIRECTORY");
    return test::run_test("history", [&] {
        moddb::Database().create(name);
        test::Workers workers;
        for (unsigned process = 0; process < processes; ++process)
            workers.start([&, process] {
                Actor actor(process);
                actor.run();
                actor.write(std::string(argv[1]) + '/' + std::to_string(process));
            });
        workers.wait();
        moddb::Database().remove(name);
    });
}
