// SPDX-License-Identifier: MIT
//
// Messages and errors of etcd, without the types of gRPC.

#ifndef MODDB_REPLICA_ETCD_MESSAGES_HPP
#define MODDB_REPLICA_ETCD_MESSAGES_HPP

#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace replica {

struct Header {
    std::uint64_t cluster = 0;
    std::int64_t revision = 0;
    std::uint64_t term = 0; // of raft
};

struct KeyValue {
    std::string key;
    std::string value;
    std::int64_t revision = 0; // that last modified it
};

// Part of the keys of a prefix at one revision.
struct Page {
    Header header;
    std::vector<KeyValue> entries;
    bool more = false;
};

struct WatchEvent {
    bool deleted = false;
    KeyValue entry; // of a deletion only key and revision
};

struct WatchMessage {
    Header header;
    bool created = false;
    bool canceled = false;
    std::int64_t compact_revision = 0; // of a watch that was canceled because it began too early
    std::string reason;                // why it was canceled
    bool fragment = false;             // the next message continues the same revision
    std::vector<WatchEvent> events;    // none: all up to the header's revision was delivered

    bool is_progress() const { return !created && !canceled && events.empty() && !fragment; }
};

// A key and the revision that it must have: that of its last modification, 0 if it is absent.
struct RevisionCheck {
    std::string key;
    std::int64_t revision = 0;
};

struct KeyWrite {
    std::string key;
    std::optional<std::string> value; // none: delete
};

// All of it or nothing, if all checks hold.
struct WriteRequest {
    std::vector<RevisionCheck> checks;
    std::vector<KeyWrite> writes;
};

struct WriteResult {
    bool done = false;
    std::int64_t revision = 0; // of the cluster afterwards
};

class SourceError : public std::runtime_error {
  public:
    enum class Kind {
        unavailable, // or too slow
        denied,
        compacted, // the requested revision
        too_long,  // the message
        violation, // of the protocol
    };

    SourceError(Kind kind, const std::string &text) : std::runtime_error(text), kind_(kind) {}

    Kind kind() const { return kind_; }

  private:
    Kind kind_;
};

} // namespace replica

#endif
