// SPDX-License-Identifier: MIT
//
// Checks that the pages of a snapshot can be parts of one.

#ifndef MODDB_REPLICA_PAGE_CHECK_HPP
#define MODDB_REPLICA_PAGE_CHECK_HPP

#include "etcd/key_range.hpp"
#include "etcd/messages.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

namespace replica {

// Compares each page with the ones before it: keys must ascend inside the range, and no entry may
// be newer than the snapshot.
class PageCheck {
  public:
    // Revision 0 means the revision of the first page.
    explicit PageCheck(KeyRange range, std::int64_t revision = 0)
        : range_(std::move(range)), revision_(revision)
    {
    }

    // Throws SourceError.
    void add(const Page &page);

    // The range of the next page, and the revision at which it must be read.
    KeyRange rest() const;
    std::int64_t revision() const { return revision_; }

    // The header of the snapshot, after the first page.
    Header header() const { return {header_->cluster, revision_, header_->term}; }

  private:
    KeyRange range_;
    std::int64_t revision_;
    std::optional<Header> header_;
    std::optional<std::string> last_;
};

} // namespace replica

#endif
