// SPDX-License-Identifier: MIT
//
// The transactions of the agent, and the comparison of a snapshot with the copy.

#include "copy.hpp"

#include "copy_keys.hpp"
#include "exit_status.hpp"
#include "users.hpp"

#include <cerrno>
#include <random>
#include <string>
#include <unistd.h>
#include <unordered_set>
#include <utility>

namespace replica {

namespace {

// Only this transport has transactions with long values.
constexpr moddb::Transport transport = moddb::Transport::device;

// A renewal of the copy's freshness may take this fraction of max-stale.
constexpr int renewal_fraction = 6;

// Random, so that no other user can create a database of this name first.
std::string name_for_filling(const std::string &database)
{
    static constexpr char digits[] = "0123456789abcdef";
    std::random_device random;
    std::string name = database + ".fill-";
    for (int i = 0; i < 8; ++i)
        name += digits[random() % 16];
    return name;
}

moddb::WriteOptions options_of(const Change &change)
{
    moddb::WriteOptions options;
    options.tag = change.tag;
    return options;
}

void add(moddb::Batch &batch, const Change &change)
{
    if (change.value)
        batch.set(change.key, *change.value, options_of(change));
    else
        batch.del(change.key);
}

// Runs the batch; throws the error of the first operation that failed.
void run_all(moddb::Batch &batch)
{
    batch.run();
    for (std::size_t index = 0; index < batch.size(); ++index) {
        const moddb::OperationResult result = batch.result(index);
        if (!result)
            throw moddb::Error(result.status, result.text != nullptr ? result.text : "");
    }
    batch.clear();
}

} // namespace

moddb::DatabaseOptions Copy::settings() const
{
    moddb::DatabaseOptions options;
    options.mode = configuration_.mode;
    options.group = configuration_.group;
    options.max_bytes = configuration_.max_bytes;
    options.max_keys = configuration_.max_keys;
    if (configuration_.shared)
        options.shared = true;
    return options;
}

void Copy::check_owner()
{
    const std::uint32_t owner = database_->database(configuration_.database).owner;
    if (owner != ::geteuid())
        throw cli::Failure(cli::ExitStatus::permission,
                           "the database " + configuration_.database + " belongs to " +
                               cli::user_name(owner) +
                               ", who could write anything into it: delete it, or name another");
}

void Copy::open()
{
    database_.reset();
    position_.reset();
    version_ = 0;
    try {
        database_.emplace(configuration_.database, transport);
    } catch (const moddb::Error &error) {
        if (error.code().value() == ENXIO)
            return;
        throw;
    }
    check_owner();
    database_->alter(configuration_.database, settings());
    if (const std::optional<moddb::Value> found =
            database_->get_with_info(std::string(position_key))) {
        version_ = found->info.version;
        position_ = decode_position(found->value);
    }
}

std::size_t Copy::longest_value()
{
    moddb::Database any("default", transport);
    return any.stat().max_value;
}

Position Copy::position_at(const Header &header, bool whole) const
{
    return {header, whole, configuration_.prefix, configuration_.keep_prefix};
}

void Copy::fill(Snapshot &snapshot, Mapping &mapping)
{
    const std::string name = name_for_filling(configuration_.database);
    moddb::Database session("default", transport);
    moddb::DatabaseOptions options = settings();
    options.ephemeral = true;
    session.create(name, options);
    moddb::Database filled(name, transport);
    moddb::Batch batch = filled.batch();
    for (;;) {
        std::vector<KeyValue> entries = snapshot.next();
        if (entries.empty())
            break;
        // The batch refers to them until it has run.
        std::vector<Change> changes;
        changes.reserve(entries.size());
        for (KeyValue &entry : entries) {
            std::optional<Change> change = mapping.change({false, std::move(entry)});
            if (!change || !change->value)
                continue;
            changes.push_back(std::move(*change));
            add(batch, changes.back());
        }
        run_all(batch);
    }
    filled.set(position_key, encode_position(position_at(snapshot.header(), true)));
    session.replace({{configuration_.database, name}});
    open();
}

Difference Copy::difference(Snapshot &snapshot, Mapping &mapping)
{
    Difference difference;
    std::unordered_set<std::string> wanted;
    for (;;) {
        std::vector<KeyValue> entries = snapshot.next();
        if (entries.empty())
            break;
        for (KeyValue &entry : entries) {
            std::optional<Change> change = mapping.change({false, std::move(entry)});
            if (!change || !change->value)
                continue;
            wanted.insert(change->key);
            const std::optional<moddb::Value> found = database_->get_with_info(change->key);
            if (!found || found->value != *change->value || found->info.tag != change->tag)
                difference.changes.push_back(std::move(*change));
        }
    }
    moddb::ListOptions options;
    options.values = false;
    options.stream = true;
    for (const moddb::EntryView &entry : database_->list(options)) {
        if (entry.key.starts_with(own_prefix))
            continue;
        ++difference.present;
        std::string key(entry.key);
        if (wanted.contains(key))
            continue;
        ++difference.deletions;
        difference.changes.push_back({std::move(key), std::nullopt, 0});
    }
    return difference;
}

moddb::WriteOptions Copy::unchanged() const
{
    moddb::WriteOptions options;
    options.condition = moddb::Condition::version(version_);
    return options;
}

// Runs a batch whose first operation is on the position's key, and which writes the position
// `next`, if any. False if the condition of another operation does not hold.
bool Copy::run(moddb::Batch &batch, const std::optional<Position> &next)
{
    if (!batch.commit()) {
        if (batch.failed() == 0)
            throw CopyLost();
        return false;
    }
    if (next) {
        version_ = batch.result(0).version;
        position_ = next;
    }
    return true;
}

void Copy::commit(const Transaction &transaction, const Header &header, bool first)
{
    Header at = header;
    if (transaction.whole)
        at.revision = transaction.revision;
    else if (position_)
        at = position_->header;
    const Position next = position_at(at, transaction.whole);
    const std::string encoded = encode_position(next);
    moddb::Batch batch = database_->batch();
    batch.set(position_key, encoded, unchanged());
    if (first || !transaction.whole)
        batch.del(fresh_key);
    if (first)
        batch.del(accept_key);
    for (const Change &change : transaction.changes)
        add(batch, change);
    run(batch, next);
}

void Copy::commit(const Transaction &transaction, const Header &header)
{
    commit(transaction, header, false);
}

void Copy::commit_first(const Transaction &transaction, const Header &header)
{
    commit(transaction, header, true);
}

bool Copy::renew(std::int64_t revision, Time since)
{
    // The agent may be stopped between any two instructions, and the machine suspended. A time to
    // live begins when the kernel gets it, so the transaction depends on a key that expires soon.
    const Milliseconds allowed = configuration_.max_stale / renewal_fraction;
    moddb::WriteOptions deadline;
    deadline.ttl = allowed;
    deadline.ephemeral = true;
    const moddb::WriteResult begun = database_->set(deadline_key, "", deadline);
    const Milliseconds left =
        milliseconds(configuration_.max_stale - allowed - (BootClock::now() - since));
    if (left <= Milliseconds(0))
        return false;
    std::optional<Position> next;
    std::string encoded;
    moddb::Batch batch = database_->batch();
    if (revision > position_->header.revision) {
        next = position_;
        next->header.revision = revision;
        encoded = encode_position(*next);
        batch.set(position_key, encoded, unchanged());
    } else {
        batch.check(position_key, unchanged());
    }
    // Ephemeral, so that moddb save does not keep it until after the next boot.
    moddb::WriteOptions options;
    options.ttl = left;
    options.ephemeral = true;
    batch.set(fresh_key, "yes", options);
    moddb::WriteOptions in_time;
    in_time.condition = moddb::Condition::version(begun.version);
    batch.del(deadline_key, in_time);
    return run(batch, next);
}

bool Copy::is_accepted()
{
    return database_->get(accept_key).has_value();
}

void Copy::forget_acceptance()
{
    database_->del(accept_key);
}

void Copy::publish(const std::string &status)
{
    if (database_)
        database_->set(status_key, status);
}

} // namespace replica
