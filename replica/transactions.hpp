// SPDX-License-Identifier: MIT
//
// Divides changes into transactions of moddb: as few as possible, without splitting a revision of
// etcd unless it alone is too large.

#ifndef MODDB_REPLICA_TRANSACTIONS_HPP
#define MODDB_REPLICA_TRANSACTIONS_HPP

#include "mapping.hpp"
#include "revisions.hpp"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace replica {

struct Transaction {
    std::vector<Change> changes;
    std::int64_t revision = 0; // of the data afterwards, if it is whole then
    bool whole = true;
};

struct TransactionLimits {
    std::size_t changes;
    std::size_t bytes; // of keys and values
};

// The kernel's, less what the agent adds for itself.
extern const TransactionLimits kernel_limits;

// For revisions of a watch. Throws SourceError for a key outside the prefix.
std::vector<Transaction> transactions_of(std::vector<Revision> revisions, Mapping &mapping,
                                         const TransactionLimits &limits);

// For the difference to a snapshot of this revision; returns at least one transaction.
std::vector<Transaction> transactions_of(std::vector<Change> changes, std::int64_t revision,
                                         const TransactionLimits &limits);

} // namespace replica

#endif
