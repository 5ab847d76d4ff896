// SPDX-License-Identifier: MIT
//
// Checks that each operation took effect at one instant between its begin and its end. Versions
// give the order of the changes of a database; the clock shows which operations ended before others
// began, and when the time to live of an entry may, or must, have been over.
//
// A replacement begins an epoch: a database with versions of its own. Versions, and the values that
// were read, show which of two databases an operation during a replacement used; otherwise the
// operation is in doubt. An operation in doubt is never a violation, and proves little.
#include "checker.hpp"

#include <algorithm>
#include <compare>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <queue>
#include <set>
#include <tuple>
#include <utility>

namespace {

using history::Event;
using history::Operation;

constexpr std::uint64_t never = std::numeric_limits<std::uint64_t>::max();

std::string text_of(const Event &event)
{
    return std::string(1, static_cast<char>(event.operation)) + " of key " +
           std::to_string(event.key) + ", version " + std::to_string(event.version) +
           ", value of process " + std::to_string(event.process) + " number " +
           std::to_string(event.sequence) + ", from " + std::to_string(event.begin) + " to " +
           std::to_string(event.end) +
           (event.unit ? ", unit " + std::to_string(event.unit) : std::string());
}

// The state of a key: its last change, and whether the entry has expired since.
struct State {
    unsigned epoch = 0;
    std::uint64_t version = 0;
    bool has_expired = false;

    auto operator<=>(const State &) const = default;
};

// An event, and the epochs in which it may have taken effect.
struct Step {
    Event event;
    unsigned first = 0;
    unsigned last = 0;

    bool is_in_doubt() const { return first != last; }
    bool may_be_of(unsigned epoch) const { return first <= epoch && epoch <= last; }
    State state() const { return {first, event.version}; }

    bool makes_entry() const
    {
        return event.operation == Operation::set || event.operation == Operation::fill;
    }
    bool ends_entry() const
    {
        return (event.operation == Operation::del && event.version) ||
               event.operation == Operation::clear || event.operation == Operation::replace;
    }
    bool is_change() const { return makes_entry() || ends_entry(); }
    bool found_nothing() const { return !is_change() && !event.version; }
    bool found_entry() const { return !is_change() && event.version; }
    // Whether this step sets the time to live of the entry of this version.
    bool gives_time(unsigned epoch, std::uint64_t version) const
    {
        return event.version == version && may_be_of(epoch);
    }
    std::uint64_t expires_after(std::uint64_t time) const
    {
        return event.ttl ? time + event.ttl : never;
    }
};

struct Key {
    std::map<State, const Step *> changes;                    // whose epoch is known
    std::vector<const Step *> doubtful;                       // other changes
    std::map<std::uint64_t, std::vector<const Step *>> times; // by version: sets, fills, touches
    State known;                                              // certainly reached

    const Step *last_change(const State &state) const
    {
        const auto next = changes.upper_bound(state);
        return next == changes.begin() ? nullptr : std::prev(next)->second;
    }
    const Step *next_change(const State &state) const
    {
        const auto next = changes.upper_bound(state);
        return next == changes.end() ? nullptr : next->second;
    }
};

// Steps that took effect at one instant.
struct Unit {
    std::vector<const Step *> changes;
    std::vector<const Step *> finds;           // what it read
    std::set<unsigned> keys;                   // of the changes
    std::uint64_t lowest = never, highest = 0; // versions of the changes
};

// How the revision of one database has grown, as far as its changes show.
class Revisions {
  public:
    void add(const Event &change)
    {
        begins_.emplace_back(change.begin, change.version);
        ends_.emplace_back(change.end, change.version);
    }

    void finish()
    {
        std::sort(begins_.begin(), begins_.end());
        std::sort(ends_.begin(), ends_.end());
        for (std::size_t i = begins_.size(); i-- > 1;)
            begins_[i - 1].second = std::min(begins_[i - 1].second, begins_[i].second);
        for (std::size_t i = 1; i < ends_.size(); ++i)
            ends_[i].second = std::max(ends_[i].second, ends_[i - 1].second);
    }

    // Whether an operation with this version can belong to this database. The lower bound holds
    // only for changes, since a change creates its version.
    bool fits(const Event &event, bool is_change) const
    {
        const auto next =
            std::upper_bound(begins_.begin(), begins_.end(), std::pair(event.end, never));
        const auto before =
            std::lower_bound(ends_.begin(), ends_.end(), std::pair(event.begin, std::uint64_t{0}));
        return (next == begins_.end() || event.version < next->second) &&
               (!is_change || before == ends_.begin() || event.version > std::prev(before)->second);
    }

  private:
    // Times, each with the lowest version from then on, and the highest until then.
    std::vector<std::pair<std::uint64_t, std::uint64_t>> begins_, ends_;
};

class Checker {
  public:
    explicit Checker(const std::vector<Event> &events)
    {
        for (const Event &event : events)
            steps_.push_back({event});
        find_epochs();
        settle_by_versions();
        settle_by_values();
        spread();
        for (const Step &step : steps_)
            file(step);
    }

    std::vector<std::string> check()
    {
        check_versions();
        check_order();
        for (const auto &[number, unit] : units_)
            if (unit.lowest < unit.highest)
                wide_units_.push_back(&unit);
        for (const auto &[number, unit] : units_)
            if (!unit.changes.empty() || unit.finds.size() > 1)
                check_unit(unit);
        return complaints_;
    }

  private:
    using Writing = std::tuple<unsigned, unsigned, std::uint64_t>;

    static Writing writing(const Event &event)
    {
        return {event.key, event.process, event.sequence};
    }

    void complain(const Step &step, const char *message)
    {
        complaints_.push_back(text_of(step.event) + ": " + message);
    }

    // ----------------------------------------------------------- epochs

    void find_epochs()
    {
        std::vector<const Event *> replacements;
        for (const Step &step : steps_)
            if (step.event.operation == Operation::replace)
                replacements.push_back(&step.event);
        std::sort(replacements.begin(), replacements.end(),
                  [](const Event *a, const Event *b) { return a->begin < b->begin; });
        std::map<std::uint64_t, unsigned> epochs; // by unit
        for (std::size_t i = 0; i < replacements.size(); ++i) {
            epochs[replacements[i]->unit] = static_cast<unsigned>(i + 1);
            if (i && replacements[i]->begin <= replacements[i - 1]->end)
                complaints_.push_back("two replacements at the same time have no order");
        }
        for (Step &step : steps_) {
            const Event &event = step.event;
            if (event.operation == Operation::replace || event.operation == Operation::fill) {
                step.first = step.last = epochs[event.unit];
                continue;
            }
            for (const Event *replacement : replacements) {
                step.first += replacement->end < event.begin;
                step.last += replacement->begin <= event.end;
            }
        }
    }

    // The versions of a database grow.
    void settle_by_versions()
    {
        std::map<unsigned, Revisions> epochs;
        for (const Step &step : steps_)
            if (step.is_change() && !step.is_in_doubt())
                epochs[step.first].add(step.event);
        for (auto &[number, revisions] : epochs)
            revisions.finish();
        for (Step &step : steps_) {
            const auto fits = [&](unsigned epoch) {
                return epochs[epoch].fits(step.event, step.is_change());
            };
            if (!step.event.version)
                continue;
            while (step.is_in_doubt() && !fits(step.first))
                ++step.first;
            while (step.is_in_doubt() && !fits(step.last))
                --step.last;
        }
    }

    // A value that was read determines the epoch of all that happened at the same instant.
    void settle_by_values()
    {
        std::map<Writing, const Step *> writers;
        for (const Step &step : steps_)
            if (step.makes_entry())
                writers.emplace(writing(step.event), &step);
        std::map<std::uint64_t, unsigned> units;
        for (bool changed = true; changed;) {
            changed = false;
            for (Step &step : steps_) {
                if (step.is_in_doubt())
                    changed |= settle(step, writers, units);
                if (step.event.unit && !step.is_in_doubt())
                    changed |= units.emplace(step.event.unit, step.first).second;
            }
        }
    }

    static bool settle(Step &step, const std::map<Writing, const Step *> &writers,
                       const std::map<std::uint64_t, unsigned> &units)
    {
        const auto unit = units.find(step.event.unit);
        if (unit != units.end()) {
            step.first = step.last = unit->second;
            return true;
        }
        const auto writer = writers.find(writing(step.event));
        if (step.event.operation != Operation::get || !step.event.version ||
            writer == writers.end() || writer->second->is_in_doubt())
            return false;
        step.first = step.last = writer->second->first;
        return true;
    }

    // A clear changes every key, all with one version; so does a replacement, except the keys that
    // the new database was filled with.
    void spread()
    {
        std::set<unsigned> keys;
        std::set<std::pair<std::uint64_t, unsigned>> filled; // by unit
        std::vector<Step> spread;
        for (const Step &step : steps_) {
            if (step.event.operation == Operation::clear ||
                step.event.operation == Operation::replace) {
                spread.push_back(step);
                continue;
            }
            keys.insert(step.event.key);
            if (step.event.operation == Operation::fill)
                filled.emplace(step.event.unit, step.event.key);
        }
        std::erase_if(steps_, [](const Step &step) {
            return step.event.operation == Operation::clear ||
                   step.event.operation == Operation::replace;
        });
        std::uint64_t unit = never;
        for (Step &step : spread) {
            // Versions of the new database are above that of the replacement.
            if (step.event.operation == Operation::replace)
                step.event.version = 0;
            if (!step.event.unit)
                step.event.unit = unit--;
            for (const unsigned key : keys) {
                step.event.key = key;
                if (!filled.contains({step.event.unit, key}))
                    steps_.push_back(step);
            }
        }
    }

    // The addresses of the steps are stable from here on.
    void file(const Step &step)
    {
        const Event &event = step.event;
        Key &key = keys_[event.key];
        if (step.is_change()) {
            if (step.is_in_doubt())
                key.doubtful.push_back(&step);
            else
                key.changes.emplace(step.state(), &step);
        }
        if (step.makes_entry())
            writers_.emplace(writing(event), &step);
        if (step.makes_entry() || event.operation == Operation::touch)
            key.times[event.version].push_back(&step);
        if (!event.unit || step.is_in_doubt())
            return;
        Unit &unit = units_[event.unit];
        if (!step.is_change()) {
            unit.finds.push_back(&step);
            return;
        }
        unit.changes.push_back(&step);
        unit.keys.insert(event.key);
        // No reader saw a database that was filled in part.
        unit.lowest = std::min<std::uint64_t>(
            unit.lowest, event.operation == Operation::fill ? 0 : event.version);
        unit.highest = std::max(unit.highest, event.version);
    }

    void check_versions()
    {
        std::map<State, const Step *> versions;
        for (const Step &step : steps_) {
            const Event &event = step.event;
            if (event.begin > event.end)
                complain(step, "it ended before it began");
            if (step.makes_entry() && !event.version)
                complain(step, "a write without a version");
            if (!step.is_change() || step.is_in_doubt() || event.operation == Operation::replace)
                continue;
            const auto [other, is_new] = versions.emplace(step.state(), &step);
            if (!is_new &&
                (event.operation != Operation::clear || other->second->event.unit != event.unit))
                complain(step, "another change has the same version");
        }
    }

    // ----------------------------------------------------- time to live

    // Whether a touch that is not in doubt followed the step and replaced its time to live.
    static bool is_superseded(const std::vector<const Step *> &times, const Step &step,
                              unsigned epoch, std::uint64_t by)
    {
        return std::any_of(times.begin(), times.end(), [&](const Step *other) {
            return other->event.operation == Operation::touch && !other->is_in_doubt() &&
                   other->first == epoch && other->event.begin > step.event.end &&
                   other->event.end < by;
        });
    }

    // The first instant at which the entry of that version may have expired. A touch found it
    // alive.
    static std::uint64_t may_expire(const Key &key, unsigned epoch, std::uint64_t version)
    {
        std::uint64_t first = never;
        const auto times = key.times.find(version);
        if (times == key.times.end())
            return never;
        for (const Step *step : times->second)
            if (step->gives_time(epoch, version) &&
                !is_superseded(times->second, *step, epoch, never))
                first = std::min(first, step->expires_after(step->event.begin));
        return first;
    }

    // The instant by which it must have expired, if nothing has changed it.
    static std::uint64_t must_expire(const Key &key, const State &state)
    {
        std::uint64_t last = 0;
        const std::vector<const Step *> &times = key.times.at(state.version);
        for (const Step *step : times)
            if (step->gives_time(state.epoch, state.version) &&
                !is_superseded(times, *step, state.epoch, never))
                last = std::max(last, step->expires_after(step->event.end));
        return last;
    }

    // Whether a change in doubt may have left the key missing for a step that ended at that time,
    // in a state that is not before the known one.
    static bool may_have_ended(const Key &key, const Step &change, std::uint64_t end)
    {
        for (unsigned epoch = change.first; epoch <= change.last; ++epoch) {
            const bool has_expired = change.makes_entry();
            const std::uint64_t since =
                has_expired ? may_expire(key, epoch, change.event.version) : change.event.begin;
            if (since <= end && State{epoch, change.event.version, has_expired} >= key.known)
                return true;
        }
        return false;
    }

    // Whether the entry that the step found may not have expired yet.
    static bool may_be_alive(const Key &key, const Step &found)
    {
        const auto times = key.times.find(found.event.version);
        if (times == key.times.end())
            return true;
        return std::any_of(times->second.begin(), times->second.end(), [&](const Step *step) {
            return step != &found && step->gives_time(found.first, found.event.version) &&
                   step->event.begin <= found.event.end &&
                   !is_superseded(times->second, *step, found.first, found.event.begin) &&
                   found.event.begin <= step->expires_after(step->event.end);
        });
    }

    // ------------------------------------------------------------ order

    void check_order()
    {
        std::vector<const Step *> begins;
        // The end of a step, and what its key had reached by then; or an instant at which it has
        // expired.
        using Reached = std::tuple<std::uint64_t, unsigned, State>;
        std::priority_queue<Reached, std::vector<Reached>, std::greater<>> ending;
        for (const Step &step : steps_)
            begins.push_back(&step);
        std::stable_sort(begins.begin(), begins.end(), [](const Step *a, const Step *b) {
            return a->event.begin < b->event.begin;
        });
        for (const auto &[number, key] : keys_)
            for (const auto &[state, change] : key.changes)
                if (change->makes_entry())
                    if (const std::uint64_t end = must_expire(key, state); end != never)
                        ending.emplace(end, number, State{state.epoch, state.version, true});
        for (const Step *step : begins) {
            for (; !ending.empty() && std::get<0>(ending.top()) < step->event.begin; ending.pop())
                reach(std::get<1>(ending.top()), std::get<2>(ending.top()));
            if (const auto state = state_of(*step))
                ending.emplace(step->event.end, step->event.key, *state);
        }
    }

    // Records the state that a key has reached. Other keys have then reached the changes that took
    // effect at the same instant as one of its changes.
    void reach(unsigned number, const State &state)
    {
        std::vector<std::pair<unsigned, State>> reached = {{number, state}};
        while (!reached.empty()) {
            const auto [other, what] = reached.back();
            reached.pop_back();
            Key &key = keys_[other];
            if (what <= key.known)
                continue;
            const auto end = key.changes.upper_bound(what);
            for (auto next = key.changes.upper_bound(key.known); next != end; ++next)
                if (const std::uint64_t unit = next->second->event.unit;
                    unit && known_units_.insert(unit).second)
                    for (const Step *change : units_[unit].changes)
                        reached.emplace_back(change->event.key, change->state());
            key.known = what;
        }
    }

    // The state that the key must have reached for the step to happen; nothing if the step proves
    // nothing. Reports an impossible step.
    std::optional<State> state_of(const Step &step)
    {
        const Key &key = keys_[step.event.key];
        if (step.found_nothing()) {
            const auto state = first_absence(key, step.event.end);
            if (!state)
                complain(step, "found the key missing, though it existed throughout");
            return state;
        }
        if (step.event.operation == Operation::get)
            check_value(step);
        if (step.is_in_doubt())
            return std::nullopt;
        const State state = step.state();
        if (step.is_change()) {
            if (state <= key.known)
                complain(step, "a later change was known before it began");
            return state;
        }
        check_found(key, step);
        return state;
    }

    // The first state without the key that a step that ended at that time may have found.
    static std::optional<State> first_absence(const Key &key, std::uint64_t end)
    {
        for (const Step *step : key.doubtful)
            if (may_have_ended(key, *step, end))
                return key.known;
        auto change = key.changes.upper_bound(key.known);
        if (change == key.changes.begin() || key.known.has_expired)
            return key.known;
        for (--change; change != key.changes.end(); ++change) {
            const Step &step = *change->second;
            if (step.ends_entry() && step.event.begin <= end)
                return std::max(key.known, change->first);
            if (step.makes_entry() && may_expire(key, step.first, step.event.version) <= end)
                return State{step.first, step.event.version, true};
        }
        return std::nullopt;
    }

    void check_value(const Step &step)
    {
        const auto writer = writers_.find(writing(step.event));
        if (writer == writers_.end() || writer->second->event.version != step.event.version)
            complain(step, "read a value that was not written with this version");
        else if (writer->second->event.begin > step.event.end)
            complain(step, "read a value before it was written");
        else if (!step.is_in_doubt() && !writer->second->may_be_of(step.first))
            complain(step, "read a value of another database");
    }

    void check_found(const Key &key, const Step &step)
    {
        const auto change = key.changes.find(step.state());
        const bool is_known = change != key.changes.end() && change->second->makes_entry();
        const auto is_it = [&](const Step *other) {
            return other->makes_entry() && other->gives_time(step.first, step.event.version);
        };
        if (!is_known && std::none_of(key.doubtful.begin(), key.doubtful.end(), is_it))
            complain(step, "found an entry that was not written");
        if (step.state() < key.known)
            complain(step, "found an older entry after a newer state was known");
        if (!may_be_alive(key, step))
            complain(step, "found an expired entry");
    }

    // ------------------------------------------------------------ units

    // There must be a revision of the database that contains all that the unit read, and that its
    // own changes follow.
    void check_unit(const Unit &unit)
    {
        const Step &any = unit.changes.empty() ? *unit.finds.front() : *unit.changes.front();
        if (any.event.operation == Operation::clear || any.event.operation == Operation::replace ||
            any.event.operation == Operation::fill)
            return;
        const unsigned epoch = any.first;
        std::uint64_t revision = 0, end = unit.lowest;
        for (const Step *step : unit.finds) {
            if (step->first != epoch) {
                complain(*step, "read another database than others at the same instant");
                return;
            }
            if (!step->found_entry())
                continue;
            revision = std::max(revision, step->event.version);
            const Step *next = keys_[step->event.key].next_change(step->state());
            if (next && next->first == epoch)
                end = std::min(end, next->event.version);
        }
        for (const Step *step : unit.changes) {
            const Key &key = keys_[step->event.key];
            const Step *before = key.last_change({epoch, step->event.version - 1, true});
            if (before && before->first == epoch)
                revision = std::max(revision, before->event.version);
        }
        while (revision < end) {
            const std::uint64_t next = next_revision(unit, epoch, revision);
            if (next == revision)
                return;
            revision = next;
        }
        complain(any, "there is no instant at which all of its unit could happen");
    }

    // The revision itself, if the unit may have happened at it; else a later one, or none.
    std::uint64_t next_revision(const Unit &unit, unsigned epoch, std::uint64_t revision)
    {
        for (const Unit *other : wide_units_)
            if (other->lowest <= revision && revision < other->highest && other != &unit &&
                other->changes.front()->first == epoch && meets(unit, *other))
                return other->highest;
        for (const Step *step : unit.finds) {
            if (!step->found_nothing())
                continue;
            const Key &key = keys_[step->event.key];
            if (may_be_absent(key, *step, epoch, revision))
                continue;
            const Step *next = key.next_change({epoch, revision, true});
            return next && next->first == epoch ? next->event.version : never;
        }
        return revision;
    }

    static bool meets(const Unit &unit, const Unit &other)
    {
        const auto is_in = [&other](const Step *step) {
            return other.keys.contains(step->event.key);
        };
        return std::any_of(unit.finds.begin(), unit.finds.end(), is_in) ||
               std::any_of(unit.changes.begin(), unit.changes.end(), is_in);
    }

    static bool may_be_absent(const Key &key, const Step &step, unsigned epoch,
                              std::uint64_t revision)
    {
        const Step *change = key.last_change({epoch, revision, false});
        if (!change || change->first != epoch || change->ends_entry() ||
            may_expire(key, epoch, change->event.version) <= step.event.end)
            return true;
        return std::any_of(key.doubtful.begin(), key.doubtful.end(), [&](const Step *other) {
            return other->may_be_of(epoch) && other->event.begin <= step.event.end &&
                   (other->ends_entry() ||
                    may_expire(key, epoch, other->event.version) <= step.event.end);
        });
    }

    std::vector<Step> steps_;
    std::map<unsigned, Key> keys_;
    std::map<std::uint64_t, Unit> units_;
    std::vector<const Unit *> wide_units_; // which have more than one version
    std::map<Writing, const Step *> writers_;
    std::set<std::uint64_t> known_units_;
    std::vector<std::string> complaints_;
};

} // namespace

std::vector<std::string> check_history(const std::vector<Event> &events)
{
    return Checker(events).check();
}
