// SPDX-License-Identifier: MIT
//
// Whether the pages of a snapshot can be parts of one.

#ifndef MODDB_REPLICA_PAGE_CHECK_HPP
#define MODDB_REPLICA_PAGE_CHECK_HPP

#include "etcd/key_range.hpp"
#include "etcd/messages.hpp"

#include <optional>
#include <string>
#include <utility>

namespace replica {

// Holds each page to the ones before it: keys ascend inside the range, and no entry is younger than
// the snapshot.
class PageCheck {
  public:
    explicit PageCheck(KeyRange range) : range_(std::move(range)) {}

    // Throws SourceError.
    void add(const Page &page);

    // What the next page begins with.
    KeyRange rest() const;

    // Of the snapshot, after the first page.
    const Header &header() const { return *header_; }
    bool has_header() const { return header_.has_value(); }

  private:
    KeyRange range_;
    std::optional<Header> header_;
    std::optional<std::string> last_;
};

} // namespace replica

#endif
