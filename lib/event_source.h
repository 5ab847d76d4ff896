// SPDX-License-Identifier: MIT
//
// A session that watches a database, over netlink or the device. It must never lose an event
// without saying so.
#pragma once

#include "error.h"
#include "message.h"

#include <moddb/moddb.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

namespace moddb_internal {

class EventSource {
  public:
    virtual ~EventSource() = default;

    // Readable while there are events that were not read from it.
    virtual int fd() const noexcept = 0;

    // Begins to watch, after the revision if one is given, else from now on; stores the revision
    // after which all changes are reported.
    virtual int begin(std::span<const moddb_pattern> patterns, const uint64_t *since,
                      uint64_t &revision, ErrorText &error) = 0;

    // Reads the next event that has arrived: 1, with fields that are valid until the next call; 0
    // if there is none; -ENOBUFS if some are lost; -EBADMSG.
    virtual int read(EntryFields &fields, ErrorText &error) = 0;

    // Reads all that has arrived into memory, so that the kernel need not keep it.
    virtual void keep() = 0;

    // Requests an event of the kind sync after all earlier changes.
    virtual int sync(ErrorText &error) = 0;
};

// Open a session for a database.
int open_netlink_events(std::string_view database, const moddb_options &options, ErrorText &error,
                        std::unique_ptr<EventSource> &source);
int open_device_events(std::string_view database, const moddb_options &options, ErrorText &error,
                       std::unique_ptr<EventSource> &source);

} // namespace moddb_internal
