// SPDX-License-Identifier: MIT
//
// One netlink socket with its requests and replies. Handles what libnl leaves to its users:
// extended ACKs, the error inside NLMSG_DONE, the raw errno, interrupted dumps, EINTR, overruns,
// and late replies. A plain request allocates no memory.
#pragma once

#include "error.h"
#include "message.h"

#include <moddb/operations.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

struct nl_sock;

namespace moddb_internal {

class Channel {
  public:
    // Opens a socket, resolves the family (which loads the module if that is allowed) and allocates
    // buffers. Returns 0 or a negative errno with a message. The channel refuses commands that need
    // other rights than these; 0 means all rights.
    static int open(std::string_view database, unsigned timeout_ms, uint32_t rights,
                    ErrorText &error, std::unique_ptr<Channel> &channel);

    // Uses a descriptor, and owns it; family is the type of the family's messages.
    Channel(int fd, uint16_t family, std::string_view database);
    ~Channel();
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    int fd() const noexcept { return fd_; }

    // Checks rights that a command needs: 0, or -EACCES with a message.
    int check_rights(uint32_t needed, ErrorText &error) const noexcept;

    // Begins a request, and returns the writer for its attributes. Adds the database attribute,
    // unless the caller does not want it or the channel's database is the default one.
    Writer begin(uint8_t command, uint16_t flags = 0) noexcept;
    Writer begin_without_database(uint8_t command, uint16_t flags = 0) noexcept;

    // Allocates room for requests of this many bytes, headers included; may throw bad_alloc.
    void make_room(size_t size);

    // Like begin(), with room for at least this many bytes of attributes; may throw bad_alloc.
    Writer begin_large(uint8_t command, size_t room);

    // Allocates room for a reply of at most this many bytes; may throw bad_alloc. Call it before
    // begin().
    void make_reply_room(size_t room);

    // Sends the request and waits for its reply. Stores the reply's attributes, which are valid
    // until the next request; an acknowledgement has none.
    int request(const Writer &writer, ErrorText &error, std::string_view &reply);

    // The attribute of the last failed request that the kernel named as invalid, or null.
    const char *invalid_attribute() const noexcept { return invalid_attribute_; }

    // Sends a request for a dump, calls sink with each message's attributes, and calls pause
    // between two reads of the socket. Returns 1 if the kernel reports that the dump was
    // interrupted, which makes the messages useless. If sink throws or returns a negative errno,
    // dump() does the same after it has read the dump to its end, so that the socket stays usable.
    int dump(const Writer &writer, ErrorText &error,
             const std::function<int(std::string_view)> &sink,
             const std::function<void()> &pause = {});

    // Messages of this command are events. Those that arrive while the channel waits for a reply
    // are passed to this function; empty attributes mean that the kernel dropped some.
    void on_event(uint8_t command, std::function<void(std::string_view attributes)> function);

    // Reads an event without waiting. Returns 1 with its attributes, which are valid until the next
    // call; 0 if there is none; -ENOBUFS if the kernel dropped some.
    int read_event(ErrorText &error, std::string_view &attributes) noexcept;

    // The longest request that the socket can send, headers included.
    size_t max_request() const noexcept { return max_request_; }

  private:
    // The wait for a reply: when it began, and whether it is still the first attempt.
    struct ReplyTimeout {
        int64_t since_ms = now_ms();
        bool first = true;

        static int64_t now_ms() noexcept;
    };

    int send(const Writer &writer, ErrorText &error) noexcept;
    int wait_on(const ReplyTimeout &timeout, ErrorText &error) noexcept;
    int receive(ReplyTimeout &timeout, ErrorText &error, std::string_view &datagram) noexcept;
    int find_reply(std::string_view datagram, ErrorText &error, std::string_view &reply);
    bool pass_event(std::string_view message);
    void keep_events();

    nl_sock *sock_ = nullptr;
    int fd_;
    uint16_t family_;
    uint32_t rights_ = MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    uint32_t sequence_ = 0;
    const char *invalid_attribute_ = nullptr;
    size_t max_request_ = 0;
    std::string database_attribute_;
    size_t output_size_;
    size_t input_size_;
    std::unique_ptr<char[]> output_;
    std::unique_ptr<char[]> input_;
    int event_command_ = -1;
    std::function<void(std::string_view)> event_;
    std::string_view unread_events_; // of the datagram in input_
};

} // namespace moddb_internal
