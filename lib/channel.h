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
    // Opens a socket, finds the family (which loads the module where that is allowed) and makes the
    // buffers. Returns 0 or a negative errno with a text. What needs other rights than these is
    // refused; 0 is all.
    static int open(std::string_view database, unsigned timeout_ms, uint32_t rights,
                    ErrorText &error, std::unique_ptr<Channel> &channel);

    // Speaks on a descriptor that it takes over; family is the type of the family's messages.
    Channel(int fd, uint16_t family, std::string_view database);
    ~Channel();
    Channel(const Channel &) = delete;
    Channel &operator=(const Channel &) = delete;

    int fd() const noexcept { return fd_; }

    // Whether something that needs these rights is refused: 0, or -EACCES with a text.
    int check_rights(uint32_t needed, ErrorText &error) const noexcept;

    // Begins a request: attributes are written to what it returns. With a database attribute unless
    // the channel's is the default one, or without.
    Writer begin(uint8_t command, uint16_t flags = 0) noexcept;
    Writer begin_without_database(uint8_t command, uint16_t flags = 0) noexcept;

    // Makes room for requests of so many bytes, headers included; may throw bad_alloc.
    void make_room(size_t size);

    // As begin(), with room for at least so many bytes of attributes; may throw bad_alloc.
    Writer begin_large(uint8_t command, size_t room);

    // Makes room for an answer of at most so many bytes; may throw bad_alloc. It comes before the
    // request is begun.
    void expect_answer(size_t room);

    // Sends the request and waits for the one message that answers it. Stores its attributes, which
    // live until the next request; none for a bare acknowledgement.
    int request(const Writer &writer, ErrorText &error, std::string_view &reply);

    // Where the last request that was refused was blamed by the kernel: a place inside it, or null.
    const char *blamed() const noexcept { return blamed_; }

    // Sends a request for a dump and hands each message's attributes to sink; between two reads of
    // the socket calls pause. 1 where the kernel says that the dump was interrupted: what sink was
    // given is then worthless. What sink throws is thrown when the dump has been read to its end,
    // so that the socket stays usable; a negative errno that sink returns is returned then.
    int dump(const Writer &writer, ErrorText &error,
             const std::function<int(std::string_view)> &sink,
             const std::function<void()> &pause = {});

    // Messages of this command are events: they answer nothing, and are given to this function
    // where they arrive while an answer is awaited; empty attributes where some were dropped.
    void on_event(uint8_t command, std::function<void(std::string_view attributes)> function);

    // Takes an event without waiting. 1 with its attributes, which live until the next call; 0
    // where there is none; -ENOBUFS where the kernel had to drop some.
    int read_event(ErrorText &error, std::string_view &attributes) noexcept;

    // Longest request that the socket takes, headers included.
    size_t max_request() const noexcept { return max_request_; }

  private:
    // The wait for an answer: since when, and whether nothing has interrupted it yet.
    struct Patience {
        int64_t since_ms = now_ms();
        bool first = true;

        static int64_t now_ms() noexcept;
    };

    int send(const Writer &writer, ErrorText &error) noexcept;
    int wait_on(const Patience &patience, ErrorText &error) noexcept;
    int receive(Patience &patience, ErrorText &error, std::string_view &datagram) noexcept;
    int find_answer(std::string_view datagram, ErrorText &error, std::string_view &reply);
    bool take_event(std::string_view message);
    void keep_events();

    nl_sock *sock_ = nullptr;
    int fd_;
    uint16_t family_;
    uint32_t rights_ = MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    uint32_t sequence_ = 0;
    const char *blamed_ = nullptr;
    size_t max_request_ = 0;
    std::string database_attribute_;
    size_t output_size_;
    size_t input_size_;
    std::unique_ptr<char[]> output_;
    std::unique_ptr<char[]> input_;
    int event_command_ = -1;
    std::function<void(std::string_view)> event_;
    std::string_view unread_events_; // of the datagram that is in input_
};

} // namespace moddb_internal
