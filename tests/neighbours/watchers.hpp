// SPDX-License-Identifier: MIT
//
// Many watchers, by hand: sockets that an ordinary user opens, with the heaviest filters that the
// kernel takes. They read only when they are asked to.
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

// Becomes an ordinary user for good.
inline void become_user(uid_t user = nobody)
{
    require(setgroups(0, nullptr) == 0 && setresgid(user, user, user) == 0 &&
                setresuid(user, user, user) == 0,
            "become an ordinary user");
    // Killed with the parent, in spite of the change.
    prctl(PR_SET_PDEATHSIG, SIGKILL);
}

// The longest classic filter that the kernel takes, which does nothing for long and keeps
// everything.
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

// A watch on a socket of its own. It takes little memory, for there are many.
class Watcher {
  public:
    explicit Watcher(const char *database, const std::string &prefix = {})
        : fd_(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC))
    {
        require(fd_ >= 0, "a socket");
        const timeval patience{20, 0};
        require(setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0,
                "a time limit");
        Message message(family(), MODDB_CMD_WATCH, NLM_F_ACK);
        message.put(MODDB_A_ENTRY_DATABASE, {database, std::strlen(database) + 1});
        if (!prefix.empty())
            message.put(MODDB_A_ENTRY_PREFIX, prefix);
        require(ask(message) == 0, "watch");
    }
    ~Watcher() { close(fd_); }
    Watcher(const Watcher &) = delete;
    Watcher &operator=(const Watcher &) = delete;

    int fd() const { return fd_; }

    // Throws away what is there.
    void drain() const
    {
        while (recv(fd_, buffer, sizeof(buffer), MSG_DONTWAIT) > 0)
            ;
        require(errno == EAGAIN, "read events");
    }
    // The one watch of a socket has the number 1.
    bool unwatch() const
    {
        Message message(family(), MODDB_CMD_UNWATCH, NLM_F_ACK);
        message.number(MODDB_A_ENTRY_WATCH_ID, std::uint32_t{1});
        return ask(message) == 0;
    }

    // The module was loaded anew.
    static void forget_family() { family_ = 0; }

  private:
    static std::uint16_t family()
    {
        if (family_ == 0)
            family_ = Socket().family(MODDB_FAMILY_NAME);
        return family_;
    }
    // The status in the acknowledgement; what comes before it is thrown away.
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
