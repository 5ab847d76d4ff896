// SPDX-License-Identifier: MIT
//
// Checks recorded histories of reads and writes for linearizability, key by key: no read may return
// a value that was never written, or one older than a change that was acknowledged, or read, before
// this read began. Versions give the order of the changes; the clock only shows which operations
// ended before others began. It shares no code with the store and uses nothing but the files.
// --self-test plants violations, all of which must be found.

#include "history.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <functional>
#include <iostream>
#include <map>
#include <optional>
#include <queue>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace {

using history::Event;
using history::Operation;
using Complaints = std::vector<std::string>;

std::string text_of(const Event &event)
{
    return std::string(1, static_cast<char>(event.operation)) + " of key " +
           std::to_string(event.key) + ", version " + std::to_string(event.version) +
           ", value of process " + std::to_string(event.process) + " number " +
           std::to_string(event.sequence) + ", from " + std::to_string(event.begin) + " to " +
           std::to_string(event.end);
}

bool is_write(const Event &event)
{
    return event.operation != Operation::get && event.version;
}

// The changes of one key, by version.
class Changes {
  public:
    explicit Changes(const std::vector<Event> &events)
    {
        for (const Event &event : events)
            if (is_write(event))
                by_version_.emplace(event.version, &event);
    }

    const Event *find(std::uint64_t version) const
    {
        const auto found = by_version_.find(version);
        return found == by_version_.end() ? nullptr : found->second;
    }

    // The first state in which the key was missing and that an operation may have seen, if version
    // `known` had been reached before it began, and it ended at `end`: the version of a deletion,
    // or 0 for the initial state. None if the key existed throughout.
    std::optional<std::uint64_t> first_absence(std::uint64_t known, std::uint64_t end) const
    {
        auto next = by_version_.upper_bound(known);
        if (next == by_version_.begin())
            return 0;
        for (auto state = std::prev(next); state != by_version_.end(); ++state)
            if (state->second->operation == Operation::del && state->second->begin <= end)
                return state->first;
        return std::nullopt;
    }

  private:
    std::map<std::uint64_t, const Event *> by_version_;
};

class Checker {
  public:
    // Returns the violations in a history.
    Complaints check(const std::vector<Event> &events)
    {
        std::map<unsigned, std::vector<Event>> by_key;
        std::map<std::uint64_t, const Event *> versions;
        for (const Event &event : events)
            if (event.operation != Operation::clear)
                by_key[event.key].push_back(event);
        for (const Event &event : events) {
            if (event.operation == Operation::clear)
                delete_all(event, by_key);
            if (event.begin > event.end)
                complain(event, "it ended before it began");
            if (!is_write(event)) {
                if (event.operation == Operation::set)
                    complain(event, "a set without a version");
            } else if (!versions.emplace(event.version, &event).second) {
                complain(event, "another change has the same version");
            }
        }
        for (auto &[key, of_key] : by_key)
            check_key(of_key);
        return complaints_;
    }

  private:
    // A clear deletes every key, all with one version.
    static void delete_all(Event event, std::map<unsigned, std::vector<Event>> &by_key)
    {
        event.operation = Operation::del;
        for (auto &[key, of_key] : by_key) {
            event.key = key;
            of_key.push_back(event);
        }
    }

    void complain(const Event &event, const char *why)
    {
        complaints_.push_back(text_of(event) + ": " + why);
    }

    void check_key(std::vector<Event> &events)
    {
        std::stable_sort(events.begin(), events.end(),
                         [](const Event &a, const Event &b) { return a.begin < b.begin; });
        const Changes changes(events);
        // The end of an operation, and the version that the key had reached by then.
        using Known = std::pair<std::uint64_t, std::uint64_t>;
        std::priority_queue<Known, std::vector<Known>, std::greater<>> ending;
        std::uint64_t known = 0;
        for (const Event &event : events) {
            for (; !ending.empty() && ending.top().first < event.begin; ending.pop())
                known = std::max(known, ending.top().second);
            ending.emplace(event.end, state_of(event, changes, known));
        }
    }

    // The version that the key must have reached for the event to happen. Reports an impossible
    // event.
    std::uint64_t state_of(const Event &event, const Changes &changes, std::uint64_t known)
    {
        if (is_write(event)) {
            if (event.version <= known)
                complain(event, "a later change was known before it began");
            return event.version;
        }
        if (!event.version) {
            const auto state = changes.first_absence(known, event.end);
            if (!state)
                complain(event, "found no key, though it existed throughout");
            return state.value_or(known);
        }
        const Event *writer = changes.find(event.version);
        if (!writer || writer->operation != Operation::set)
            complain(event, "read a version that was never written");
        else if (writer->process != event.process || writer->sequence != event.sequence)
            complain(event, "read a value other than the one written with this version");
        else if (writer->begin > event.end)
            complain(event, "read a value before it was written");
        if (event.version < known)
            complain(event, "read an older value after a newer one was known");
        return event.version;
    }

    Complaints complaints_;
};

// ------------------------------------------------------------- self-test

constexpr Event set(std::uint64_t version, std::uint64_t begin, std::uint64_t end)
{
    return {Operation::set, 1, version, 1, version, begin, end};
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

struct Case {
    const char *what;
    bool is_right;
    std::vector<Event> events;
};

const Case cases[] = {
    {"reads of what was written", true, {get(0, 1, 2), set(1, 3, 4), get(1, 5, 6)}},
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
    {"a write behind one that was seen before it began",
     false,
     {set(2, 1, 20), get(2, 3, 4), set(1, 5, 6)}},
    {"two changes with one version", false, {set(1, 1, 2), del(1, 3, 4)}},
    {"an acknowledged write without a version", false, {set(0, 1, 2)}},
};

// A correct history: each operation takes effect at a random point between its begin and end.
std::vector<Event> random_history(unsigned seed)
{
    std::mt19937 random(seed);
    std::vector<Event> events;
    std::map<unsigned, Event> current;
    std::uint64_t version = 0;
    std::vector<std::uint64_t> free_at(8, 0);
    for (std::uint64_t now = 100; now < 100000; now += 1 + random() % 10) {
        const unsigned process = random() % static_cast<unsigned>(free_at.size());
        const std::uint64_t begin = std::max(free_at[process] + 1, now - random() % 50);
        if (begin > now)
            continue;
        Event event{Operation::get,     static_cast<unsigned>(random() % 5), 0, process, now, begin,
                    now + random() % 50};
        free_at[process] = event.end;
        Event &there = current.try_emplace(event.key).first->second;
        switch (random() % 4) {
        case 0:
            event.operation = Operation::set;
            event.version = ++version;
            there = event;
            break;
        case 1:
            event.operation = Operation::del;
            if (there.version)
                event.version = ++version;
            there.version = 0;
            break;
        default:
            event.version = there.version;
            if (there.version) {
                event.process = there.process;
                event.sequence = there.sequence;
            }
        }
        events.push_back(event);
    }
    return events;
}

// Adds a violation: a read, after everything else, of the first value that was overwritten.
bool plant_stale_read(std::vector<Event> &events)
{
    const auto end =
        std::max_element(events.begin(), events.end(), [](const Event &a, const Event &b) {
            return a.end < b.end;
        })->end;
    const auto old = std::find_if(events.begin(), events.end(), [](const Event &event) {
        return event.operation == Operation::set;
    });
    const auto newer = std::find_if(events.begin(), events.end(), [&](const Event &event) {
        return is_write(event) && event.key == old->key && event.version > old->version;
    });
    if (newer == events.end())
        return false;
    Event stale = *old;
    stale.operation = Operation::get;
    stale.begin = end + 1;
    stale.end = end + 2;
    events.push_back(stale);
    return true;
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
        expect(Checker().check(one.events).empty() == one.is_right, one.what);
    for (unsigned seed = 0; seed < 20; ++seed) {
        std::vector<Event> events = random_history(seed);
        const Complaints complaints = Checker().check(events);
        expect(complaints.empty(),
               complaints.empty()
                   ? ""
                   : "a right history, seed " + std::to_string(seed) + ": " + complaints.front());
        expect(plant_stale_read(events) && !Checker().check(events).empty(),
               "a stale read in a long history, seed " + std::to_string(seed));
    }
    if (!failed)
        std::cout << "PASS check-history finds every violation that is planted\n";
    return failed != 0;
}

// ----------------------------------------------------------------- files

bool read_file(const char *path, std::vector<Event> &events)
{
    std::ifstream file(path);
    char operation;
    Event event;
    while (file >> operation >> event.key >> event.version >> event.process >> event.sequence >>
           event.begin >> event.end) {
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
            std::cout << "FAILED: " << argv[i] << " is no history\n";
            return 1;
        }
    }
    if (events.empty()) {
        std::cout << "usage: check-history FILE...|--self-test\nFAILED: no history to check\n";
        return 1;
    }
    const Complaints complaints = Checker().check(events);
    for (std::size_t i = 0; i < std::min<std::size_t>(complaints.size(), 20); ++i)
        std::cout << "FAILED: " << complaints[i] << '\n';
    if (!complaints.empty())
        return 1;
    std::cout << "PASS " << events.size() << " operations, each as one place in one memory\n";
    return 0;
}
