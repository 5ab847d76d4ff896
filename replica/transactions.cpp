// SPDX-License-Identifier: MIT
//
// A transaction writes no key twice: of several changes of a key in it, the last one counts.

#include "transactions.hpp"

#include <iterator>
#include <map>
#include <moddb/netlink.h>
#include <utility>

namespace replica {

// Less the position, the key that marks the copy as fresh, and the acceptance of a held snapshot.
const TransactionLimits kernel_limits{MODDB_TXN_MAX - 3, MODDB_TXN_BYTES_MAX - (64 << 10)};

namespace {

class Pending {
  public:
    explicit Pending(const TransactionLimits &limits) : limits_(limits) {}

    void add(Change change)
    {
        const auto [found, is_new] = changes_.try_emplace(change.key);
        if (!is_new)
            bytes_ -= found->second.bytes();
        bytes_ += change.bytes();
        found->second = std::move(change);
    }

    bool empty() const { return changes_.empty(); }

    bool fits() const { return changes_.size() <= limits_.changes && bytes_ <= limits_.bytes; }

    bool fits_with(const Pending &other) const
    {
        return changes_.size() + other.changes_.size() <= limits_.changes &&
               bytes_ + other.bytes_ <= limits_.bytes;
    }

    void merge(Pending other)
    {
        for (auto &[key, change] : other.changes_)
            add(std::move(change));
    }

    // Moves everything into as many transactions as it takes; the last one makes the copy whole.
    void move_to(std::vector<Transaction> &transactions, std::int64_t revision)
    {
        Transaction next{{}, revision, false};
        std::size_t bytes = 0;
        for (auto &[key, change] : changes_) {
            if (!next.changes.empty() && (next.changes.size() == limits_.changes ||
                                          bytes + change.bytes() > limits_.bytes)) {
                transactions.push_back(std::exchange(next, {{}, revision, false}));
                bytes = 0;
            }
            bytes += change.bytes();
            next.changes.push_back(std::move(change));
        }
        next.whole = true;
        transactions.push_back(std::move(next));
        changes_.clear();
        bytes_ = 0;
    }

  private:
    TransactionLimits limits_;
    std::map<std::string, Change> changes_;
    std::size_t bytes_ = 0;
};

} // namespace

std::vector<Transaction> transactions_of(std::vector<Revision> revisions, Mapping &mapping,
                                         const TransactionLimits &limits)
{
    std::vector<Transaction> transactions;
    Pending pending(limits);
    std::int64_t last = 0;
    for (Revision &revision : revisions) {
        Pending own(limits);
        for (WatchEvent &event : revision.events) {
            if (std::optional<Change> change = mapping.change(std::move(event)))
                own.add(std::move(*change));
        }
        if (!pending.empty() && !pending.fits_with(own))
            pending.move_to(transactions, last);
        last = revision.number;
        pending.merge(std::move(own));
        if (!pending.fits())
            pending.move_to(transactions, last);
    }
    if (!revisions.empty() && (transactions.empty() || transactions.back().revision != last))
        pending.move_to(transactions, last);
    return transactions;
}

std::vector<Transaction> transactions_of(std::vector<Change> changes, std::int64_t revision,
                                         const TransactionLimits &limits)
{
    std::vector<Transaction> transactions;
    Pending pending(limits);
    for (Change &change : changes)
        pending.add(std::move(change));
    pending.move_to(transactions, revision);
    return transactions;
}

} // namespace replica
