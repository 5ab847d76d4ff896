// SPDX-License-Identifier: MIT
//
// A notification is confirmed by that of the next round, if no event contradicts it in between.

#include "proof.hpp"

#include <utility>

namespace replica {

bool Proof::begin(Time since, std::int64_t revision)
{
    if (round_)
        return false;
    round_ = Proven{since, revision};
    return true;
}

std::optional<Proven> Proof::progress(std::int64_t revision)
{
    // Ignore a notification that was not requested, or of a member that lags.
    if (!round_ || revision < round_->revision)
        return std::nullopt;
    return std::exchange(claimed_, Proven{std::exchange(round_, std::nullopt)->since, revision});
}

std::optional<Proven> Proof::delivered(std::int64_t revision)
{
    if (claimed_ && revision <= claimed_->revision) {
        ++overtaken_;
        claimed_.reset();
    }
    if (!round_ || revision < round_->revision)
        return std::nullopt;
    claimed_.reset();
    return Proven{std::exchange(round_, std::nullopt)->since, revision};
}

} // namespace replica
