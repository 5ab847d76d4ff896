// SPDX-License-Identifier: MIT
//
// One netlink socket with its requests and replies. It checks the length and the sequence number of
// every message, and does not rely on a reply to arrive.
#include "channel.h"
#include "cancel.h"
#include "descriptor.h"
#include "transport.h"

#include <netlink/errno.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <exception>

namespace moddb_internal {

namespace {

// Room for any request and reply except a batch: an entry with the longest inline value, the value
// that a condition compares with, and everything else.
constexpr size_t plain_size = 2 * MODDB_INLINE_MAX + MODDB_KEY_MAX + 1024;

// The kernel fills the messages of a dump up to the size of the buffer of the first read, and at
// most to this size; a reply has at most half of it.
constexpr size_t input_size = 64 * 1024;

// The size to request for a socket's buffers; the kernel grants less to ordinary users.
constexpr int socket_buffer = 2 * 1024 * 1024;

nlmsghdr header_at(std::string_view bytes) noexcept
{
    nlmsghdr header;
    std::memcpy(&header, bytes.data(), sizeof(header));
    return header;
}

// Removes the next message from the datagram; false if the rest is not a message, which in a
// well-formed datagram happens only at its end.
bool next_message(std::string_view &datagram, std::string_view &message) noexcept
{
    if (datagram.size() < NLMSG_HDRLEN)
        return false;
    const size_t length = header_at(datagram).nlmsg_len;
    if (length < NLMSG_HDRLEN || length > datagram.size())
        return false;
    message = datagram.substr(0, length);
    datagram.remove_prefix(std::min<size_t>(NLMSG_ALIGN(length), datagram.size()));
    return true;
}

std::string_view as_text(std::string_view value) noexcept
{
    return value.substr(0, value.find('\0'));
}

void set_option(int fd, int level, int option, int value) noexcept
{
    // The options are optional; an old kernel may lack one.
    (void)setsockopt(fd, level, option, &value, sizeof(value));
}

int malformed(ErrorText &error) noexcept
{
    return error.fail(-EBADMSG, "malformed message from the kernel");
}

int absent(ErrorText &error) noexcept
{
    return error.fail(-ENODEV, "the kernel module is not loaded: run 'modprobe moddb' as root "
                               "(Debian's package is moddb-dkms)");
}

int no_socket(ErrorText &error) noexcept
{
    switch (errno) {
    case EPROTONOSUPPORT:
        return absent(error);
    case EAFNOSUPPORT:
    case EPERM:
    case EACCES:
        return error.fail(-EACCES,
                          "this process cannot open a netlink socket: its sandbox must allow "
                          "AF_NETLINK (RestrictAddressFamilies= of systemd, a seccomp "
                          "filter)");
    default:
        return error.fail(-errno, "cannot open a netlink socket: %s", describe(errno));
    }
}

} // namespace

int64_t Channel::ReplyTimeout::now_ms() noexcept
{
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
    return now.tv_sec * int64_t{1000} + now.tv_nsec / 1000000;
}

Channel::Channel(int fd, uint16_t family, std::string_view database)
    : fd_(fd), family_(family), output_size_(plain_size), input_size_(input_size),
      output_(new char[output_size_]), input_(new char[input_size_])
{
    int granted = 0;
    socklen_t length = sizeof(granted);
    if (getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &granted, &length) == 0 && granted > 32)
        max_request_ = static_cast<size_t>(granted) - 32;
    if (database != "default") {
        Writer writer(output_.get() + header_size, output_.get() + output_size_);
        writer.put_string(MODDB_A_ENTRY_DATABASE, database);
        database_attribute_.assign(output_.get() + header_size, writer.position());
    }
}

Channel::~Channel()
{
    const NoCancel no_cancel;
    if (sock_)
        nl_socket_free(sock_);
    else
        close(fd_);
}

int Channel::open(std::string_view database, unsigned timeout_ms, uint32_t rights, ErrorText &error,
                  std::unique_ptr<Channel> &channel)
{
    const NoCancel no_cancel;
    struct Free {
        void operator()(nl_sock *sock) const { nl_socket_free(sock); }
    };
    std::unique_ptr<nl_sock, Free> sock(nl_socket_alloc());
    if (!sock)
        return error.fail(-ENOMEM);

    Descriptor socket(
        above_standard(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC)));
    if (socket.get() < 0)
        return no_socket(error);
    // The kernel chooses the address.
    sockaddr_nl address{};
    address.nl_family = AF_NETLINK;
    if (bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof(address)) != 0)
        return error.fail(-errno, "cannot bind a netlink socket: %s", describe(errno));
    if (const int result = nl_socket_set_fd(sock.get(), NETLINK_GENERIC, socket.get()); result < 0)
        return error.fail(-EIO, "cannot use a netlink socket: %s", nl_geterror(result));
    const int fd = socket.release();
    const timeval timeout{static_cast<time_t>(timeout_ms / 1000),
                          static_cast<suseconds_t>(timeout_ms % 1000 * 1000)};
    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout)) != 0)
        return error.fail(-errno, "cannot set a netlink socket's timeout: %s", describe(errno));
    const int family = genl_ctrl_resolve(sock.get(), MODDB_FAMILY_NAME);
    if (family == -NLE_OBJ_NOTFOUND)
        return absent(error);
    if (family < 0)
        return error.fail(-EIO, "cannot ask the kernel for the family %s: %s", MODDB_FAMILY_NAME,
                          nl_geterror(family));

    // A connected socket receives messages from the kernel only.
    sockaddr_nl kernel{};
    kernel.nl_family = AF_NETLINK;
    if (connect(fd, reinterpret_cast<const sockaddr *>(&kernel), sizeof(kernel)) != 0)
        return error.fail(-errno, "cannot connect a netlink socket: %s", describe(errno));
    set_option(fd, SOL_NETLINK, NETLINK_EXT_ACK, 1);
    set_option(fd, SOL_NETLINK, NETLINK_CAP_ACK, 1);
    set_option(fd, SOL_SOCKET, SO_SNDBUF, socket_buffer);
    set_option(fd, SOL_SOCKET, SO_RCVBUF, socket_buffer);
    channel = std::make_unique<Channel>(fd, static_cast<uint16_t>(family), database);
    channel->sock_ = sock.release();
    if (rights)
        channel->rights_ = rights;
    return 0;
}

int Channel::check_rights(uint32_t needed, ErrorText &error) const noexcept
{
    const uint32_t missing = needed & ~rights_;
    if (!missing) [[likely]]
        return 0;
    return fail_rights(missing, error);
}

Writer Channel::begin(uint8_t command, uint16_t flags) noexcept
{
    const Writer writer = begin_without_database(command, flags);
    if (database_attribute_.empty())
        return writer;
    std::memcpy(writer.position(), database_attribute_.data(), database_attribute_.size());
    return {writer.position() + database_attribute_.size(), output_.get() + output_size_};
}

Writer Channel::begin_without_database(uint8_t command, uint16_t flags) noexcept
{
    const nlmsghdr header{0, family_, static_cast<uint16_t>(NLM_F_REQUEST | flags), ++sequence_, 0};
    const genlmsghdr family_header{command, MODDB_FAMILY_VERSION, 0};
    std::memcpy(output_.get(), &header, sizeof(header));
    std::memcpy(output_.get() + NLMSG_HDRLEN, &family_header, sizeof(family_header));
    return {output_.get() + header_size, output_.get() + output_size_};
}

void Channel::make_room(size_t size)
{
    if (size <= output_size_)
        return;
    output_.reset(new char[size]);
    output_size_ = size;
}

Writer Channel::begin_large(uint8_t command, size_t room)
{
    make_room(header_size + database_attribute_.size() + room);
    return begin(command);
}

void Channel::make_reply_room(size_t room)
{
    if (room <= input_size_)
        return;
    keep_events();
    input_.reset(new char[room]);
    input_size_ = room;
}

// The rights that a command needs. The transport checks those of single operations.
static uint32_t rights_of(uint8_t command) noexcept
{
    switch (command) {
    case MODDB_CMD_GET:
    case MODDB_CMD_LIST:
    case MODDB_CMD_WATCH:
        return MODDB_RIGHT_READ;
    case MODDB_CMD_DB_CLEAR:
        return MODDB_RIGHT_WRITE;
    case MODDB_CMD_DEL_PREFIX:
        return MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    default:
        return 0;
    }
}

int Channel::send(const Writer &writer, ErrorText &error) noexcept
{
    invalid_attribute_ = nullptr;
    const auto command = static_cast<uint8_t>(output_[NLMSG_HDRLEN]);
    if (const int result = check_rights(rights_of(command), error); result < 0)
        return result;
    if (writer.full())
        return error.fail(-EMSGSIZE, "the request is too long for one message");
    const auto length = static_cast<uint32_t>(writer.position() - output_.get());
    std::memcpy(output_.get() + offsetof(nlmsghdr, nlmsg_len), &length, sizeof(length));
    while (send_always(fd_, output_.get(), length, MSG_NOSIGNAL) < 0) {
        switch (errno) {
        case EINTR:
            continue;
        case ENOBUFS:
            return error.fail(-ENOMEM);
        default:
            return error.fail(-errno, "cannot send to the kernel: %s", describe(errno));
        }
    }
    return 0;
}

// Waits until a message can be received, for the rest of the timeout that began with the request:
// neither a signal nor another message lengthens it.
int Channel::wait_on(const ReplyTimeout &timeout, ErrorText &error) noexcept
{
    const NoCancel no_cancel;
    timeval limit{};
    socklen_t length = sizeof(limit);
    if (getsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, &length) != 0)
        return error.fail(-errno, "cannot get a netlink socket's timeout: %s", describe(errno));
    const int64_t limit_ms = limit.tv_sec * int64_t{1000} + limit.tv_usec / 1000;
    pollfd entry{fd_, POLLIN, 0};
    for (;;) {
        const int64_t left_ms = limit_ms - (ReplyTimeout::now_ms() - timeout.since_ms);
        if (limit_ms && left_ms <= 0)
            return error.fail(-ETIMEDOUT);
        const int result = poll(&entry, 1, limit_ms ? static_cast<int>(left_ms) : -1);
        if (result > 0)
            return 0;
        if (result < 0 && errno != EINTR)
            return error.fail(-errno, "cannot receive from the kernel: %s", describe(errno));
    }
}

int Channel::receive(ReplyTimeout &timeout, ErrorText &error, std::string_view &datagram) noexcept
{
    for (;;) {
        // The socket itself has the timeout of the first wait.
        if (!timeout.first)
            if (const int result = wait_on(timeout, error); result < 0)
                return result;
        // With MSG_TRUNC the result is the length of the whole datagram.
        const ssize_t length = receive_always(fd_, input_.get(), input_size_,
                                              MSG_TRUNC | (timeout.first ? 0 : MSG_DONTWAIT));
        const bool timed_out = timeout.first && length < 0 && errno == EAGAIN;
        timeout.first = false;
        if (length >= 0) {
            if (static_cast<size_t>(length) > input_size_ || length < NLMSG_HDRLEN)
                return malformed(error);
            datagram = {input_.get(), static_cast<size_t>(length)};
            return 0;
        }
        if (timed_out)
            return error.fail(-ETIMEDOUT);
        switch (errno) {
        case EINTR:
        case EAGAIN:
            continue;
        case ENOBUFS:
            // The kernel dropped a message; if it was the reply, the timeout ends the wait.
            if (event_command_ >= 0)
                event_({});
            continue;
        default:
            return error.fail(-errno, "cannot receive from the kernel: %s", describe(errno));
        }
    }
}

// Decodes an NLMSG_ERROR, or the NLMSG_DONE of a dump: returns 0 or a negative errno, with the
// message, and the offset of the offending attribute, which is unchanged if the kernel names none.
static int decode_error(std::string_view message, size_t payload, ErrorText &error,
                        uint32_t &offset) noexcept
{
    int result;
    if (message.size() < NLMSG_HDRLEN + payload)
        return malformed(error);
    std::memcpy(&result, message.data() + NLMSG_HDRLEN, sizeof(result));
    if (result == 0)
        return 0;
    if (result > 0 || result < -4095)
        return malformed(error);

    std::string_view text;
    const nlmsghdr header = header_at(message);
    if (header.nlmsg_flags & NLM_F_ACK_TLVS) {
        size_t skip = NLMSG_HDRLEN + payload;
        if (payload == sizeof(nlmsgerr) && !(header.nlmsg_flags & NLM_F_CAPPED)) {
            // The whole request precedes the attributes.
            const nlmsghdr request = header_at(message.substr(NLMSG_HDRLEN + sizeof(int)));
            if (request.nlmsg_len < NLMSG_HDRLEN)
                return malformed(error);
            skip += NLMSG_ALIGN(size_t{request.nlmsg_len} - NLMSG_HDRLEN);
        }
        Attributes attributes(message.substr(std::min(skip, message.size())));
        while (attributes.next())
            if (attributes.type() == NLMSGERR_ATTR_MSG)
                text = as_text(attributes.value());
            else if (attributes.type() == NLMSGERR_ATTR_OFFS)
                attributes.number(offset);
    }
    // The module always sends a message with these. Generic netlink itself sends none: if the
    // family does not exist, or a dump begins while the module is being unloaded.
    if ((result == -ENOENT || result == -EPROTONOSUPPORT) && text.empty())
        return error.fail(-ENODEV, "the kernel module was unloaded");
    return error.fail_with(result, text);
}

bool Channel::pass_event(std::string_view message)
{
    if (event_command_ < 0 || header_at(message).nlmsg_type != family_ ||
        message.size() < header_size || message[NLMSG_HDRLEN] != event_command_)
        return false;
    event_(attributes_of(message));
    return true;
}

// Returns 1 if the reply is in the datagram, 0 if it is not.
int Channel::find_reply(std::string_view datagram, ErrorText &error, std::string_view &reply)
{
    std::string_view message;
    while (next_message(datagram, message)) {
        const nlmsghdr header = header_at(message);
        // Skips replies to earlier requests, which timed out.
        if (pass_event(message) || header.nlmsg_seq != sequence_)
            continue;
        if (header.nlmsg_type == NLMSG_ERROR) {
            reply = {};
            uint32_t offset = 0;
            const int result = decode_error(message, sizeof(nlmsgerr), error, offset);
            invalid_attribute_ = offset && offset < output_size_ ? output_.get() + offset : nullptr;
            return result < 0 ? result : 1;
        }
        if (header.nlmsg_type != family_ || message.size() < header_size)
            return malformed(error);
        reply = attributes_of(message);
        return 1;
    }
    return datagram.empty() ? 0 : malformed(error);
}

int Channel::request(const Writer &writer, ErrorText &error, std::string_view &reply)
{
    if (!unread_events_.empty())
        keep_events();
    if (const int result = send(writer, error); result < 0)
        return result;
    for (ReplyTimeout timeout;;) {
        std::string_view datagram;
        int result = receive(timeout, error, datagram);
        if (result == 0)
            result = find_reply(datagram, error, reply);
        if (result != 0)
            return result < 0 ? result : 0;
    }
}

int Channel::dump(const Writer &writer, ErrorText &error,
                  const std::function<int(std::string_view)> &sink,
                  const std::function<void()> &pause)
{
    const NoCancel no_cancel;
    keep_events();
    if (const int result = send(writer, error); result < 0)
        return result;

    bool interrupted = false;
    int refused = 0;
    std::exception_ptr thrown;
    for (ReplyTimeout timeout;;) {
        std::string_view datagram;
        if (const int result = receive(timeout, error, datagram); result < 0)
            return result;
        std::string_view message;
        while (next_message(datagram, message)) {
            const nlmsghdr header = header_at(message);
            if (pass_event(message) || header.nlmsg_seq != sequence_)
                continue;
            timeout = {};
            interrupted = interrupted || (header.nlmsg_flags & NLM_F_DUMP_INTR);
            if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
                const bool done = header.nlmsg_type == NLMSG_DONE;
                uint32_t offset = 0;
                const int result =
                    decode_error(message, done ? sizeof(int) : sizeof(nlmsgerr), error, offset);
                if (thrown)
                    std::rethrow_exception(thrown);
                return result < 0 ? result : refused < 0 ? refused : interrupted;
            }
            if (header.nlmsg_type != family_ || message.size() < header_size)
                return malformed(error);
            // After a failure of sink the rest of the dump must be read, too.
            if (refused < 0 || thrown)
                continue;
            try {
                refused = sink(attributes_of(message));
            } catch (...) {
                thrown = std::current_exception();
            }
        }
        if (!datagram.empty())
            return malformed(error);
        if (pause && !thrown) {
            try {
                pause();
            } catch (...) {
                thrown = std::current_exception();
            }
        }
    }
}

void Channel::on_event(uint8_t command, std::function<void(std::string_view)> function)
{
    event_command_ = command;
    event_ = std::move(function);
}

int Channel::read_event(ErrorText &error, std::string_view &attributes) noexcept
{
    for (;;) {
        std::string_view message;
        while (next_message(unread_events_, message)) {
            if (message.size() < header_size || header_at(message).nlmsg_type != family_ ||
                message[NLMSG_HDRLEN] != event_command_)
                continue;
            attributes = attributes_of(message);
            return 1;
        }
        unread_events_ = {};
        const ssize_t length =
            receive_always(fd_, input_.get(), input_size_, MSG_TRUNC | MSG_DONTWAIT);
        if (length < 0) {
            switch (errno) {
            case EINTR:
                continue;
            case EAGAIN:
                return 0;
            case ENOBUFS:
                return error.fail(-ENOBUFS, "the kernel dropped events");
            default:
                return error.fail(-errno, "cannot receive from the kernel: %s", describe(errno));
            }
        }
        if (static_cast<size_t>(length) > input_size_ || length < NLMSG_HDRLEN)
            return malformed(error);
        unread_events_ = {input_.get(), static_cast<size_t>(length)};
    }
}

void Channel::keep_events()
{
    std::string_view message;
    while (next_message(unread_events_, message))
        pass_event(message);
    unread_events_ = {};
}

} // namespace moddb_internal
