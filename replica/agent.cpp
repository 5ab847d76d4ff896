// SPDX-License-Identifier: MIT
//
// Uses one connection after the other. On each it takes a snapshot if it cannot continue after the
// position, and then watches.

#include "agent.hpp"

#include "exit_status.hpp"
#include "guard.hpp"
#include "log.hpp"
#include "stop.hpp"
#include "terminal/notify.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

namespace replica {

namespace {

using namespace std::chrono_literals;
using Kind = SourceError::Kind;
using State = Report::State;

constexpr Milliseconds first_delay = 500ms;
constexpr Milliseconds most_delay = 15s;

// The interval after which a held snapshot is taken again, in case the source has recovered.
constexpr Milliseconds held_interval = 60s;
constexpr Milliseconds accept_interval = 200ms;

// The number of rounds that can prove the copy's age again before it expires.
constexpr int rounds = 6;

void alive()
{
    cli::notify_manager("WATCHDOG=1");
}

void pause(Milliseconds time)
{
    const Time end = BootClock::now() + time;
    for (;;) {
        alive();
        if (stop_requested())
            throw Stopped();
        const BootClock::duration left = end - BootClock::now();
        if (left <= BootClock::duration::zero())
            return;
        const timespec slice{0, std::min<BootClock::duration>(left, look_interval).count()};
        ::nanosleep(&slice, nullptr);
    }
}

// A refusal that may be temporary, and that concerns only this write.
bool is_refusal(const moddb::Error &error)
{
    switch (error.code().value()) {
    case EDQUOT:
    case EROFS:
    case EACCES:
    case EPERM:
    case ENOMEM:
    case ETIMEDOUT:
        return true;
    default:
        return false;
    }
}

// The database was deleted or replaced.
bool is_loss(const moddb::Error &error)
{
    return error.code().value() == ENXIO || error.code().value() == ESTALE;
}

} // namespace

Agent::Agent(const Configuration &configuration)
    : configuration_(configuration), range_(range_of_prefix(configuration_.prefix)),
      mapping_(configuration_.prefix, configuration_.keep_prefix), copy_(configuration_),
      backoff_(first_delay, most_delay)
{
    // Start at random, because many machines have the same list.
    const auto count = configuration_.access.endpoints.size();
    endpoint_ = static_cast<std::size_t>(
        backoff_.random_below(Milliseconds(static_cast<Milliseconds::rep>(count) - 1)).count());
    report_.endpoint = endpoint();
}

void Agent::next_endpoint()
{
    endpoint_ = (endpoint_ + 1) % configuration_.access.endpoints.size();
    report_.endpoint = endpoint();
}

void Agent::set_state(State state, const std::string &reason)
{
    const bool is_news = state != report_.state || reason != report_.reason;
    report_.state = state;
    report_.reason = reason;
    if (!is_news)
        return;
    if (!reason.empty())
        log(reason);
    publish();
}

void Agent::publish()
{
    report_.refusals = mapping_.refusals();
    report_.refused = mapping_.refused();
    const std::string text = encode_report(report_);
    if (text == published_ || !copy_.is_open())
        return;
    try {
        copy_.publish(text);
        published_ = text;
    } catch (const moddb::Error &) {
        // The next write of data fails, too, and reports the error.
    }
}

void Agent::notify_ready()
{
    if (!std::exchange(ready_, true))
        cli::notify_manager("READY=1");
}

void Agent::run()
{
    try {
        for (;;) {
            attempt();
            next_endpoint();
            pause(backoff_.next());
        }
    } catch (const Stopped &) {
        log("ended by a signal");
    }
}

// One connection, until it fails.
void Agent::attempt()
{
    try {
        session();
    } catch (const SourceError &error) {
        set_state(State::disconnected, "etcd at " + endpoint() + ": " + error.what());
    } catch (const CopyLost &) {
        set_state(State::disconnected, "the database was cleared, replaced or written by others");
    } catch (const moddb::Error &error) {
        if (error.code().value() == ENODEV)
            throw cli::Failure::of(ENODEV, error.text());
        set_state(State::degraded, "moddb: " + error.text());
    }
}

void Agent::session()
{
    copy_.open();
    published_.clear();
    mapping_.limit_values(copy_.longest_value());
    if (copy_.position() && copy_.position()->whole)
        notify_ready();
    Connection connection(configuration_.access, endpoint());
    const Header header = connection.header(range_.begin, 0, configuration_.access.timeout);
    ++report_.connections;
    std::string reason = reason_for_snapshot(header);
    for (;;) {
        while (!reason.empty() && !take_snapshot(connection, reason)) {
        }
        notify_ready();
        try {
            reason = follow(connection);
        } catch (const SourceError &error) {
            if (error.kind() != Kind::compacted)
                throw;
            reason = "compacted";
        }
        // Do not query the source without a pause, should it require snapshots repeatedly.
        pause(backoff_.next());
    }
}

// One word; empty if the watch can continue after the position.
std::string Agent::reason_for_snapshot(const Header &header) const
{
    if (!copy_.is_open())
        return "first";
    const std::optional<Position> &position = copy_.position();
    if (!position)
        return "unknown";
    if (!position->is_of(configuration_.prefix, configuration_.keep_prefix))
        return "configured";
    if (position->header.cluster != header.cluster)
        return "cluster";
    if (position->header.revision > header.revision || position->header.term > header.term)
        return "rewound";
    if (!position->whole)
        return "partial";
    return {};
}

// False if the snapshot was held and must be taken again.
bool Agent::take_snapshot(Connection &connection, const std::string &reason)
{
    log("taking a snapshot from " + endpoint() + ": " + reason);
    Snapshot snapshot(connection, range_, configuration_.most_memory());
    if (!copy_.is_open()) {
        copy_.fill(snapshot, mapping_);
        ++report_.snapshots[reason];
        return true;
    }
    Difference difference = copy_.difference(snapshot, mapping_);
    if (is_suspicious(difference.present, difference.deletions, configuration_.max_delete) &&
        !(report_.state == State::held && copy_.is_accepted())) {
        hold(difference);
        return false;
    }
    ++report_.snapshots[reason];
    apply(transactions_of(std::move(difference.changes), snapshot.header().revision, kernel_limits),
          snapshot.header(), true);
    return true;
}

void Agent::hold(const Difference &difference)
{
    // An acceptance from before there was anything to accept does not count.
    if (report_.state != State::held)
        copy_.forget_acceptance();
    set_state(State::held, "a snapshot would delete " + std::to_string(difference.deletions) +
                               " of " + std::to_string(difference.present) +
                               " keys; 'moddb-replica accept' applies it");
    const Time end = BootClock::now() + held_interval / 2 + backoff_.random_below(held_interval);
    while (BootClock::now() < end && !copy_.is_accepted())
        pause(accept_interval);
}

// Whether the copy equals the source at the position. No event is applied during an audit, so it
// must not take long.
bool Agent::audit(Connection &connection)
{
    Snapshot snapshot(connection, range_, configuration_.most_memory(),
                      copy_.position()->header.revision);
    snapshot.end_at(BootClock::now() + configuration_.max_stale / 3);
    Mapping mapping = mapping_;
    std::size_t count = 0;
    try {
        count = copy_.difference(snapshot, mapping).changes.size();
    } catch (const SourceError &error) {
        if (error.kind() != Kind::compacted && error.kind() != Kind::unavailable)
            throw;
        log(std::string("the audit was given up: ") + error.what());
        return true;
    }
    ++report_.audits;
    report_.differences += count;
    if (count == 0)
        return true;
    log("the audit found " + std::to_string(count) + " differences");
    return false;
}

// Follows the watch until the copy needs a snapshot, and returns the reason.
std::string Agent::follow(Connection &connection)
{
    const Position start = *copy_.position();
    const Milliseconds interval = configuration_.max_stale / rounds;
    const Milliseconds read_timeout =
        std::min(configuration_.access.timeout, configuration_.max_stale / 2);
    Watch watch = connection.watch(range_, start.header.revision + 1);
    Revisions revisions(start.header.revision, configuration_.most_memory());
    Proof proof;
    Header header = start.header;
    std::int64_t checked = start.header.revision;
    Time last_proof = BootClock::now();
    Time next_round = last_proof;
    Time next_audit =
        last_proof + configuration_.audit / 2 + backoff_.random_below(configuration_.audit);
    set_state(State::following);
    for (;;) {
        alive();
        const Time now = BootClock::now();
        if (now >= next_round) {
            next_round = now + interval;
            // Older etcd silently drops deletions of compacted revisions from a watch that has not
            // caught up with them (etcd#19179). The events that the watch delivered are complete if
            // the revision before them can still be read.
            header = connection.header(range_.begin, checked, read_timeout);
            checked = copy_.position()->header.revision;
            report_.source_revision = header.revision;
            if (header.cluster != start.header.cluster ||
                header.revision < copy_.position()->header.revision)
                throw SourceError(Kind::unavailable, "the source has another history now");
            if (proof.begin(now, header.revision))
                watch.request_progress();
            if (now - last_proof > configuration_.max_stale)
                throw SourceError(Kind::unavailable, "the watch does not answer");
            report_.overtaken += proof.take_overtaken();
            publish();
        }
        std::optional<WatchMessage> message = watch.next(next_round);
        if (!message)
            continue;
        if (message->header.cluster != start.header.cluster)
            throw SourceError(Kind::violation, "the watch is of another cluster");
        if (message->canceled)
            throw SourceError(message->compact_revision > 0 ? Kind::compacted : Kind::unavailable,
                              "the watch was canceled: " + message->reason);
        std::optional<Proven> proven;
        if (message->is_progress()) {
            proven = proof.progress(message->header.revision);
        } else {
            std::vector<Revision> complete = revisions.add(std::move(*message));
            if (complete.empty())
                continue;
            const std::int64_t last = complete.back().number;
            apply(transactions_of(std::move(complete), mapping_, kernel_limits), header, false);
            proven = proof.delivered(last);
        }
        if (!proven)
            continue;
        last_proof = BootClock::now();
        backoff_.reset();
        renew(*proven);
        if (last_proof < next_audit)
            continue;
        if (!audit(connection))
            return "audit";
        next_audit = BootClock::now() + configuration_.audit / 2 +
                     backoff_.random_below(configuration_.audit);
    }
}

void Agent::apply(std::vector<Transaction> transactions, const Header &header, bool first)
{
    for (const Transaction &transaction : transactions)
        commit(transaction, header, std::exchange(first, false));
}

// Retries until the kernel accepts it.
void Agent::commit(const Transaction &transaction, const Header &header, bool first)
{
    const auto [state, reason] = std::pair(report_.state, report_.reason);
    Backoff delay(first_delay, most_delay);
    for (;;) {
        alive();
        try {
            if (first)
                copy_.commit_first(transaction, header);
            else
                copy_.commit(transaction, header);
            break;
        } catch (const moddb::Error &error) {
            degrade(error);
        }
        pause(delay.next());
    }
    ++report_.transactions;
    if (!transaction.whole)
        ++report_.partial;
    if (report_.state == State::degraded)
        set_state(state, reason);
}

// Called in handlers of moddb's errors: changes to the state degraded if moddb refused a write, and
// throws otherwise.
void Agent::degrade(const moddb::Error &error)
{
    if (is_loss(error))
        throw CopyLost();
    if (!is_refusal(error))
        throw;
    set_state(State::degraded, "moddb: " + error.text());
}

void Agent::renew(const Proven &proven)
{
    try {
        if (!copy_.renew(proven.revision, proven.since))
            return;
    } catch (const moddb::Error &error) {
        degrade(error);
        return;
    }
    if (report_.state == State::degraded)
        set_state(State::following);
}

} // namespace replica
