// SPDX-License-Identifier: MIT
//
// A connection to one member of an etcd cluster. No call waits after its timeout or a request to
// stop. The types of gRPC stay in the implementation, because they are slow to compile.

#ifndef MODDB_REPLICA_ETCD_CONNECTION_HPP
#define MODDB_REPLICA_ETCD_CONNECTION_HPP

#include "clock.hpp"
#include "etcd/access.hpp"
#include "etcd/key_range.hpp"
#include "etcd/messages.hpp"

#include <memory>
#include <optional>
#include <string>

namespace replica {

// The changes of a range of keys.
class Watch {
  public:
    struct Stream;

    explicit Watch(std::unique_ptr<Stream> stream);
    ~Watch();

    // The next message; nothing if none arrives before the time. Throws SourceError, Stopped.
    std::optional<WatchMessage> next(Time until);

    // Requests a notification of the revision up to which everything was delivered.
    void request_progress();

  private:
    std::unique_ptr<Stream> stream_;
};

class Connection {
  public:
    // Reads the files, and authenticates. Throws SourceError, Stopped.
    Connection(const Access &access, const std::string &endpoint);
    ~Connection();

    // The cluster's current revision, confirmed by a quorum after the call began. Fails with
    // `compacted` if the given revision (0: the current one) can no longer be read. Throws
    // SourceError, Stopped.
    Header header(const std::string &key, std::int64_t revision, Milliseconds timeout);

    // At most `limit` entries; revision 0 is the current one. Throws SourceError, Stopped.
    Page range(const KeyRange &range, std::int64_t limit, std::int64_t revision);

    // Changes from the revision on. Throws SourceError, Stopped.
    Watch watch(const KeyRange &range, std::int64_t from);

    // Throws SourceError, after which the write may have been done; Stopped.
    WriteResult write(const WriteRequest &request);

  private:
    struct Channel;

    std::unique_ptr<Channel> channel_;
};

} // namespace replica

#endif
