// SPDX-License-Identifier: MIT
//
// Each page is compared with the ones before it.

#include "page_check.hpp"

#include "text/escape.hpp"

namespace replica {

namespace {

using Kind = SourceError::Kind;

} // namespace

void PageCheck::add(const Page &page)
{
    if (!header_) {
        header_ = page.header;
        if (header_->revision <= 0 || header_->revision < revision_)
            throw SourceError(Kind::violation, "a snapshot of a revision that was not reached");
        if (revision_ == 0)
            revision_ = header_->revision;
    }
    if (page.header.cluster != header_->cluster)
        throw SourceError(Kind::violation, "pages of a snapshot came from different clusters");
    if (page.more && page.entries.empty())
        throw SourceError(Kind::violation, "an empty page that is not the last");
    for (const KeyValue &entry : page.entries) {
        if (!range_.contains(entry.key) || (last_ && entry.key <= *last_))
            throw SourceError(Kind::violation,
                              "the snapshot has " + cli::excerpt(entry.key) + " out of order");
        if (entry.revision <= 0 || entry.revision > revision_)
            throw SourceError(Kind::violation, "the snapshot has an entry that is newer than it");
        last_ = entry.key;
    }
}

KeyRange PageCheck::rest() const
{
    return last_ ? KeyRange{*last_ + '\0', range_.end} : range_;
}

} // namespace replica
