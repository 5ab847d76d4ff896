// SPDX-License-Identifier: MIT
//
// Watchers without the library, of which one process can have many: sockets of an ordinary user,
// with the slowest filters that the kernel accepts. They read only in drain().
#pragma once

#include "../support/netlink.hpp"
#include "../support/process.hpp"

#include <linux/filter.h>
#include <moddb/netlink.h>

#include <grp.h>

#include <algorithm>
#include <deque>
#include <string>
#include <vector>

namespace test {

constexpr uid_t nobody = 65534;

// Becomes an ordinary user permanently.
inline void become_user(uid_t user = nobody)
{
    require(setgroups(0, nullptr) == 0 && setresgid(user, user, user) == 0 &&
                setresuid(user, user, user) == 0,
            "become an ordinary user");
    // Changing the user cleared the signal that kills this process with its parent.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// Attaches the longest classic BPF filter that the kernel accepts: a slow one that drops nothing.
inline void attach_longest_filter(int socket)
{
    std::vector<sock_filter> code(BPF_MAXINSNS, sock_filter{BPF_LD | BPF_IMM, 0, 0, 1});
    for (;;) {
        code.back() = {BPF_RET | BPF_K, 0, 0, UINT32_MAX};
        const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
        if (setsockopt(socket, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0)
            return;
        require(errno == ENOMEM && code.size() > 256, "attach a filter");
        code.resize(code.size() - 128);
    }
}

// A watch on a socket of its own, with little memory.
class Watcher {
  public:
    explicit Watcher(const char *database, const std::string &prefix = {})
        : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC))
    {
        require(fd_ >= 0, "a socket");
        const timeval timeout{20, 0};
        require(setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) == 0,
                "a timeout");
        Message message(family(), MODDB_CMD_WATCH, NLM_F_ACK);
        message.put(MODDB_A_ENTRY_DATABASE, {database, std::strlen(database) + 1});
        if (!prefix.empty())
            message.nest(MODDB_A_ENTRY_PATTERN,
                         Message::nested().put(MODDB_A_ENTRY_PREFIX, prefix));
        require(ask(message) == 0, "watch");
    }
    ~Watcher() { close(fd_); }
    Watcher(const Watcher &) = delete;
    Watcher &operator=(const Watcher &) = delete;

    int fd() const { return fd_; }

    // Reads and discards all waiting events.
    void drain() const
    {
        while (recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
            ;
        require(errno == EAGAIN, "read events");
    }
    // The only watch of a socket has the number 1.
    bool unwatch() const
    {
        Message message(family(), MODDB_CMD_UNWATCH, NLM_F_ACK);
        message.number(MODDB_A_ENTRY_WATCH_ID, std::uint32_t{1});
        return ask(message) == 0;
    }

    // To be called after the module was loaded again.
    static void forget_family() { family_ = 0; }

  private:
    static std::uint16_t family()
    {
        if (family_ == 0)
            family_ = Socket().family(MODDB_FAMILY_NAME);
        return family_;
    }
    // Sends a request and returns the status of its acknowledgement; discards events before it.
    int ask(const Message &message) const
    {
        const std::string request = message.bytes(1);
        require(send(fd_, request.data(), request.size(), 0) >= 0, "send a request");
        for (;;) {
            const ssize_t length = recv(fd_, buffer, sizeof(buffer), 0);
            require(length >= NLMSG_HDRLEN, "an answer");
            nlmsghdr header;
            std::memcpy(&header, buffer, sizeof(header));
            int error;
            std::memcpy(&error, buffer + NLMSG_HDRLEN, sizeof(error));
            if (header.nlmsg_type == NLMSG_ERROR)
                return error;
        }
    }

    static inline char buffer[64 * 1024];
    static inline std::uint16_t family_ = 0;
    int fd_;
};

} // namespace test
