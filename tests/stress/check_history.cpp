// SPDX-License-Identifier: MIT
//
// Reads recorded histories and checks them; see checker.cpp. --self-test plants violations, all of
// which must be found, and checks random histories without one.

#include "checker.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

namespace {

using history::Event;
using history::Operation;

// ------------------------------------------------------------- self-test

constexpr Event set(std::uint64_t version, std::uint64_t begin, std::uint64_t end)
{
    return {Operation::set, 1, version, 1, version, begin, end};
}
constexpr Event set_with_time(std::uint64_t version, std::uint64_t ttl, std::uint64_t begin,
                              std::uint64_t end)
{
    return {Operation::set, 1, version, 1, version, begin, end, ttl};
}
constexpr Event touch(std::uint64_t version, std::uint64_t ttl, std::uint64_t begin,
                      std::uint64_t end)
{
    return {Operation::touch, 1, version, 3, version, begin, end, ttl};
}
constexpr Event del(std::uint64_t version, std::uint64_t begin, std::uint64_t end)
{
    return {Operation::del, 1, version, 2, version, begin, end};
}
constexpr Event clear(std::uint64_t version, std::uint64_t begin, std::uint64_t end)
{
    return {Operation::clear, 0, version, 2, version, begin, end};
}
constexpr Event get(std::uint64_t version, std::uint64_t begin, std::uint64_t end)
{
    return {Operation::get, 1, version, version ? 1u : 3u, version, begin, end};
}
constexpr Event get_value(std::uint64_t version, std::uint64_t sequence, std::uint64_t begin,
                          std::uint64_t end)
{
    return {Operation::get, 1, version, 1, sequence, begin, end};
}
constexpr Event replace(std::uint64_t unit, std::uint64_t begin, std::uint64_t end)
{
    return {Operation::replace, 0, 0, 4, unit, begin, end, 0, unit};
}
// The value number 100 of process 1, in the database that the replacement installed.
constexpr Event fill(std::uint64_t unit, std::uint64_t version, std::uint64_t begin,
                     std::uint64_t end)
{
    return {Operation::fill, 1, version, 1, 100, begin, end, 0, unit};
}
// The same event for another key, or in a unit.
constexpr Event of_key(unsigned key, Event event)
{
    event.key = key;
    return event;
}
constexpr Event in(std::uint64_t unit, Event event)
{
    event.unit = unit;
    return event;
}

struct Case {
    const char *what;
    bool is_right;
    std::vector<Event> events;
};

const Case cases[] = {
    {"reads of written values", true, {get(0, 1, 2), set(1, 3, 4), get(1, 5, 6)}},
    {"a read during a write sees the old or the new value",
     true,
     {set(1, 1, 2), set(2, 3, 9), get(1, 4, 5), get(2, 6, 7)}},
    {"concurrent writes in either order", true, {set(2, 1, 9), set(1, 2, 8), get(2, 10, 11)}},
    {"a missing key after a deletion", true, {set(1, 1, 2), del(2, 3, 4), get(0, 5, 6)}},
    {"a missing key after a clear", true, {set(1, 1, 2), clear(2, 3, 4), get(0, 5, 6)}},
    {"a cleared value", false, {set(1, 1, 2), clear(2, 3, 4), get(1, 5, 6)}},
    {"a value after another reader saw the clear",
     false,
     {set(1, 1, 2), clear(2, 3, 9), get(0, 4, 5), get(1, 6, 7)}},
    {"a missing key during a deletion", true, {set(1, 1, 2), del(2, 3, 9), get(0, 4, 5)}},
    {"a missing key between a deletion and a set",
     true,
     {set(1, 1, 2), del(2, 3, 9), set(3, 3, 9), get(0, 4, 5), get(3, 6, 7)}},
    {"a deletion of a missing key", true, {del(0, 1, 2), set(1, 3, 4)}},
    {"an old value after a newer one was acknowledged",
     false,
     {set(1, 1, 2), set(2, 3, 4), get(1, 5, 6)}},
    {"an old value after another reader saw the newer one",
     false,
     {set(1, 1, 2), set(2, 3, 20), get(2, 4, 5), get(1, 6, 7)}},
    {"a value that was never written", false, {set(1, 1, 2), get_value(1, 7, 3, 4)}},
    {"a version that was never written", false, {set(1, 1, 2), get(5, 3, 4)}},
    {"the version of a deletion", false, {set(1, 1, 2), del(2, 3, 4), get(2, 5, 6)}},
    {"a value before it was written", false, {get(1, 1, 2), set(1, 3, 4)}},
    {"a missing key while it existed", false, {set(1, 1, 2), get(0, 3, 4)}},
    {"a missing key after it was set again",
     false,
     {set(1, 1, 2), del(2, 3, 4), set(3, 5, 6), get(0, 7, 8)}},
    {"a missing key before the deletion began", false, {set(1, 1, 2), get(0, 3, 4), del(2, 5, 6)}},
    {"a deletion of a missing key while it existed", false, {set(1, 1, 2), del(0, 3, 4)}},
    {"a deleted value", false, {set(1, 1, 2), del(2, 3, 4), get(1, 5, 6)}},
    {"a deleted value after another reader missed the key",
     false,
     {set(1, 1, 2), del(2, 3, 20), get(0, 4, 5), get(1, 6, 7)}},
    {"a write with a lower version than one acknowledged before it began",
     false,
     {set(2, 1, 2), set(1, 3, 4)}},
    {"a write with a lower version than one seen before it began",
     false,
     {set(2, 1, 20), get(2, 3, 4), set(1, 5, 6)}},
    {"two changes with one version", false, {set(1, 1, 2), del(1, 3, 4)}},
    {"an acknowledged write without a version", false, {set(0, 1, 2)}},
    {"another key that still exists after a reader saw the clear",
     false,
     {set(1, 1, 2), of_key(2, set(2, 1, 2)), clear(3, 3, 9), get(0, 4, 5),
      of_key(2, get(2, 6, 7))}},
    {"a value from before a clear after another key's value from after it",
     false,
     {set(1, 1, 2), clear(2, 3, 20), of_key(2, set(3, 3, 20)), of_key(2, get(3, 4, 5)),
      get(1, 6, 7)}},

    // Time to live.
    {"an entry before it expires", true, {set_with_time(1, 100, 1, 5), get(1, 100, 102)}},
    {"a missing key after it expired", true, {set_with_time(1, 100, 1, 5), get(0, 104, 108)}},
    {"a missing key that may have expired", true, {set_with_time(1, 100, 1, 50), get(0, 90, 101)}},
    {"an entry that may not have expired", true, {set_with_time(1, 100, 1, 50), get(1, 149, 160)}},
    {"an entry that has expired", false, {set_with_time(1, 100, 1, 5), get(1, 106, 108)}},
    {"a missing key before it expires", false, {set_with_time(1, 100, 1, 5), get(0, 90, 100)}},
    {"an entry after another reader found that it had expired",
     false,
     {set_with_time(1, 100, 1, 50), get(0, 102, 104), get(1, 106, 108)}},
    {"a touch that extends the time to live",
     true,
     {set_with_time(1, 100, 1, 5), touch(1, 100, 50, 55), get(1, 140, 150), get(0, 156, 158)}},
    {"a touch that removes the time to live",
     true,
     {set_with_time(1, 100, 1, 5), touch(1, 0, 50, 55), get(1, 900, 901)}},
    {"a touch that sets a time to live",
     true,
     {set(1, 1, 5), touch(1, 100, 50, 55), get(0, 200, 201)}},
    {"an entry that has expired because of a touch",
     false,
     {set(1, 1, 5), touch(1, 100, 50, 55), get(1, 156, 157)}},
    {"a missing key though a touch has extended its time to live",
     false,
     {set_with_time(1, 100, 1, 5), touch(1, 100, 50, 55), get(0, 120, 140)}},
    {"either of two touches at the same time",
     true,
     {set(1, 1, 5), touch(1, 100, 50, 55), touch(1, 0, 51, 54), get(1, 500, 501)}},
    {"a touch of an expired entry", false, {set_with_time(1, 100, 1, 5), touch(1, 100, 106, 107)}},
    {"a touch of another version", false, {set(1, 1, 2), set(2, 3, 4), touch(1, 100, 5, 6)}},
    {"a set of a key whose entry has expired",
     true,
     {set_with_time(1, 10, 1, 5), set(3, 50, 51), get(3, 52, 53)}},

    // Replacement by another database.
    {"a missing key after a replacement", true, {set(1, 1, 2), replace(9, 3, 4), get(0, 5, 6)}},
    {"versions of the new database",
     true,
     {set(5, 1, 2), replace(9, 3, 4), set(1, 5, 6), get(1, 7, 8)}},
    {"values that the new database was filled with",
     true,
     {set(5, 1, 2), replace(9, 3, 6), fill(9, 2, 3, 6), get_value(2, 100, 4, 5),
      get_value(2, 100, 7, 8)}},
    {"a read during a replacement sees the old or the new value",
     true,
     {set(5, 1, 2), replace(9, 3, 9), fill(9, 2, 3, 9), get(5, 4, 5), get_value(2, 100, 6, 7)}},
    {"a write during a replacement is in either database",
     true,
     {set(5, 1, 2), replace(9, 3, 9), fill(9, 7, 3, 9), set(6, 4, 8), get_value(7, 100, 10, 11)}},
    {"a value of the replaced database", false, {set(5, 1, 2), replace(9, 3, 4), get(5, 5, 6)}},
    {"a value of the replaced database after another reader saw the new one",
     false,
     {set(5, 1, 2), replace(9, 3, 20), fill(9, 2, 3, 20), get_value(2, 100, 4, 5), get(5, 6, 7)}},
    {"the same of another key",
     false,
     {set(5, 1, 2), of_key(2, set(4, 1, 2)), replace(9, 3, 20), fill(9, 2, 3, 20),
      get_value(2, 100, 4, 5), of_key(2, get(4, 6, 7))}},
    {"a missing key between two databases that have it",
     false,
     {set(5, 1, 2), replace(9, 3, 20), fill(9, 2, 3, 20), get(0, 4, 5)}},
    {"a value of the new database before the replacement",
     false,
     {set(5, 1, 2), get_value(2, 100, 3, 4), replace(9, 5, 6), fill(9, 2, 5, 6)}},

    // Operations that took effect at one instant.
    {"a transaction",
     true,
     {in(7, set(1, 1, 9)), in(7, of_key(2, set(2, 1, 9))), get(1, 2, 3), of_key(2, get(2, 4, 5))}},
    {"one key before a transaction and then another key after it",
     true,
     {in(7, set(1, 1, 9)), in(7, of_key(2, set(2, 1, 9))), get(0, 2, 3), of_key(2, get(2, 4, 5))}},
    {"one key after a transaction and then another key before it",
     false,
     {in(7, set(1, 1, 9)), in(7, of_key(2, set(2, 1, 9))), get(1, 2, 3), of_key(2, get(0, 4, 5))}},
    {"a transaction that reads a whole one",
     true,
     {in(7, set(1, 1, 9)), in(7, of_key(2, set(2, 1, 9))), in(8, get(1, 1, 9)),
      in(8, of_key(2, get(2, 1, 9)))}},
    {"a transaction that reads half of another",
     false,
     {in(7, set(1, 1, 9)), in(7, of_key(2, set(2, 1, 9))), in(8, get(1, 1, 9)),
      in(8, of_key(2, get(0, 1, 9)))}},
    {"a transaction that reads half of another's changes",
     false,
     {set(1, 1, 2), of_key(2, set(2, 1, 2)), in(7, set(3, 3, 9)), in(7, of_key(2, set(4, 3, 9))),
      in(8, get(1, 3, 9)), in(8, of_key(2, get(4, 3, 9)))}},
    {"a transaction that reads entries which were never there together",
     false,
     {set(1, 1, 2), set(2, 3, 4), of_key(2, set(3, 5, 6)), in(8, get(1, 1, 9)),
      in(8, of_key(2, get(3, 1, 9)))}},
    {"a transaction that reads an expired entry",
     true,
     {set_with_time(1, 100, 1, 2), of_key(2, set(2, 3, 4)), in(8, get(0, 104, 105)),
      in(8, of_key(2, get(2, 104, 105)))}},
    {"a transaction that reads half of a database's filling",
     false,
     {replace(9, 3, 9), fill(9, 1, 3, 9), of_key(2, fill(9, 2, 3, 9)),
      in(8, get_value(1, 100, 4, 8)), in(8, of_key(2, get(0, 4, 8)))}},
    {"a swap returns the value that it replaced",
     true,
     {set(1, 1, 2), in(7, get(1, 3, 4)), in(7, set(2, 3, 4))}},
    {"a swap returns a value that was replaced before",
     false,
     {set(1, 1, 2), set(2, 3, 9), in(7, get(1, 3, 9)), in(7, set(3, 3, 9))}},
    {"a swap returns nothing although there was a value",
     false,
     {set(1, 1, 9), in(7, get(0, 1, 9)), in(7, set(2, 1, 9))}},
};

// A correct store, and clients whose operations each take effect at a random point between their
// begin and their end.
class Simulation {
  public:
    explicit Simulation(unsigned seed) : random_(seed) {}

    std::vector<Event> run()
    {
        for (now_ = 100; now_ < 30'000; now_ += 1 + below(10)) {
            const unsigned process = below(static_cast<unsigned>(free_at_.size()));
            const std::uint64_t begin = std::max(free_at_[process] + 1, now_ - below(50));
            if (begin > now_)
                continue;
            doing_ = {Operation::get, below(keys), 0, process, now_, begin, now_ + below(50)};
            free_at_[process] = doing_.end;
            act();
        }
        return events_;
    }

    std::uint64_t end() const { return *std::max_element(free_at_.begin(), free_at_.end()); }
    std::uint64_t version() const { return version_; }

  private:
    static constexpr unsigned keys = 8;

    struct Entry {
        Event writer;
        std::uint64_t expires;
    };

    unsigned below(unsigned n) { return static_cast<unsigned>(random_() % n); }
    std::uint64_t time_to_live() { return below(2) ? 0 : 1 + below(2000); }

    void act()
    {
        switch (below(20)) {
        case 0:
            return transact();
        case 1:
            if (below(10) == 0)
                clear();
            return;
        case 2:
            // Replacements come from one process, so that they have an order.
            if (doing_.process == 0)
                replace();
            return;
        case 3:
        case 4:
            doing_.unit = ++units_;
            read(doing_);
            return write(doing_);
        default:
            return one(doing_);
        }
    }

    void one(const Event &event)
    {
        switch (below(6)) {
        case 0:
            return write(event);
        case 1:
            return del(event);
        case 2:
            return touch(event);
        default:
            return read(event);
        }
    }

    void transact()
    {
        doing_.unit = ++units_;
        for (unsigned key = 0; key < keys; ++key) {
            doing_.key = key;
            one(doing_);
        }
    }

    void write(Event event)
    {
        event.operation = Operation::set;
        event.version = ++version_;
        event.ttl = time_to_live();
        entries_[event.key] = {event, event.ttl ? now_ + event.ttl : UINT64_MAX};
        events_.push_back(event);
    }

    // The entry, or null.
    Entry *find(unsigned key)
    {
        const auto found = entries_.find(key);
        return found != entries_.end() && now_ < found->second.expires ? &found->second : nullptr;
    }

    void read(Event event)
    {
        if (const Entry *found = find(event.key)) {
            event.version = found->writer.version;
            event.process = found->writer.process;
            event.sequence = found->writer.sequence;
        }
        events_.push_back(event);
    }

    void del(Event event)
    {
        event.operation = Operation::del;
        if (find(event.key))
            event.version = ++version_;
        entries_.erase(event.key);
        events_.push_back(event);
    }

    void touch(Event event)
    {
        if (Entry *found = find(event.key)) {
            event.operation = Operation::touch;
            event.version = found->writer.version;
            event.ttl = time_to_live();
            found->expires = event.ttl ? now_ + event.ttl : UINT64_MAX;
        }
        events_.push_back(event);
    }

    void clear()
    {
        doing_.operation = Operation::clear;
        doing_.version = ++version_;
        entries_.clear();
        events_.push_back(doing_);
    }

    void replace()
    {
        doing_.operation = Operation::replace;
        doing_.unit = ++units_;
        events_.push_back(doing_);
        entries_.clear();
        version_ = 0;
        for (unsigned key = 0; key < keys; key += 1 + below(2)) {
            Event event = doing_;
            event.operation = Operation::fill;
            event.key = key;
            event.version = ++version_;
            entries_[key] = {event, UINT64_MAX};
            events_.push_back(event);
        }
    }

    std::mt19937 random_;
    std::vector<Event> events_;
    std::map<unsigned, Entry> entries_;
    std::uint64_t now_ = 0, version_ = 0, units_ = 0;
    std::vector<std::uint64_t> free_at_ = std::vector<std::uint64_t>(8);
    Event doing_{};
};

// Each of these, appended to a long history without a violation, is a violation. The first reads
// the history's first value, of a database that was replaced.
std::vector<std::vector<Event>> violations(const std::vector<Event> &events, std::uint64_t version,
                                           std::uint64_t time)
{
    const auto first = std::find_if(events.begin(), events.end(), [](const Event &event) {
        return event.operation == Operation::set;
    });
    Event stale = *first;
    stale.operation = Operation::get;
    stale.unit = stale.ttl = 0;
    stale.begin = time + 1;
    stale.end = time + 2;
    const std::uint64_t v = version, t = time, unit = UINT64_MAX / 2;
    return {
        {stale},
        {set(v + 1, t + 1, t + 2), set(v + 2, t + 3, t + 4), get(v + 1, t + 5, t + 6)},
        {set(v + 1, t + 1, t + 2), get(0, t + 3, t + 4)},
        {set(v + 1, t + 1, t + 2), clear(v + 2, t + 3, t + 4), get(v + 1, t + 5, t + 6)},
        {set_with_time(v + 1, 10, t + 1, t + 2), get(v + 1, t + 13, t + 14)},
        {set(v + 1, t + 1, t + 2), touch(v + 1, 10, t + 3, t + 4), get(v + 1, t + 15, t + 16)},
        {in(unit, set(v + 1, t + 1, t + 9)), in(unit, of_key(2, set(v + 2, t + 1, t + 9))),
         in(unit + 1, get(v + 1, t + 1, t + 9)), in(unit + 1, of_key(2, del(0, t + 1, t + 9)))},
        {set(v + 1, t + 1, t + 2), set(v + 2, t + 3, t + 4), in(unit, get(v + 1, t + 3, t + 9)),
         in(unit, set(v + 3, t + 3, t + 9))},
    };
}

int self_test()
{
    unsigned failed = 0;
    const auto expect = [&failed](bool is_met, const std::string &what) {
        if (!is_met)
            std::cout << "FAILED: " << what << '\n';
        failed += !is_met;
    };
    for (const Case &one : cases)
        expect(check_history(one.events).empty() == one.is_right, one.what);
    for (unsigned seed = 0; seed < 20; ++seed) {
        Simulation simulation(seed);
        const std::vector<Event> events = simulation.run();
        const std::vector<std::string> complaints = check_history(events);
        expect(complaints.empty(),
               complaints.empty()
                   ? ""
                   : "a correct history, seed " + std::to_string(seed) + ": " + complaints.front());
        unsigned number = 0;
        for (const auto &wrong : violations(events, simulation.version(), simulation.end())) {
            std::vector<Event> all = events;
            all.insert(all.end(), wrong.begin(), wrong.end());
            expect(!check_history(all).empty(), "violation " + std::to_string(++number) +
                                                    " in a long history, seed " +
                                                    std::to_string(seed));
        }
    }
    if (!failed)
        std::cout << "PASS check-history finds every planted violation\n";
    return failed != 0;
}

// ----------------------------------------------------------------- files

bool read_file(const char *path, std::vector<Event> &events)
{
    std::ifstream file(path);
    char operation;
    Event event;
    while (file >> operation >> event.key >> event.version >> event.process >> event.sequence >>
           event.begin >> event.end >> event.ttl >> event.unit) {
        event.operation = static_cast<Operation>(operation);
        events.push_back(event);
    }
    return file.eof();
}

} // namespace

int main(int argc, char **argv)
{
    if (argc == 2 && std::string(argv[1]) == "--self-test")
        return self_test();
    std::vector<Event> events;
    for (int i = 1; i < argc; ++i) {
        if (!read_file(argv[i], events)) {
            std::cout << "FAILED: " << argv[i] << " is not a history\n";
            return 1;
        }
    }
    if (events.empty()) {
        std::cout << "usage: check-history FILE...|--self-test\nFAILED: no history to check\n";
        return 1;
    }
    const std::vector<std::string> complaints = check_history(events);
    for (std::size_t i = 0; i < std::min<std::size_t>(complaints.size(), 20); ++i)
        std::cout << "FAILED: " << complaints[i] << '\n';
    if (!complaints.empty())
        return 1;
    std::cout << "PASS " << events.size() << " operations are linearizable\n";
    return 0;
}
