// SPDX-License-Identifier: MIT
//
// Chooses the transport, and sets the messages that all transports share.
#include "transport.h"

#include <cerrno>
#include <cinttypes>
#include <cstdlib>

namespace moddb_internal {

namespace {

// The transport that the environment names, used if the caller leaves the choice; -1 if it is
// invalid.
int environment_choice() noexcept
{
    const char *name = secure_getenv("MODDB_TRANSPORT");
    const std::string_view choice = name ? name : "";
    if (choice.empty() || choice == "auto")
        return MODDB_TRANSPORT_AUTO;
    if (choice == "netlink")
        return MODDB_TRANSPORT_NETLINK;
    return choice == "device" ? static_cast<int>(MODDB_TRANSPORT_DEVICE) : -1;
}

// Opens the device if that can be opened and bound, otherwise netlink, which also loads the module.
int open_fastest(std::string_view database, const moddb_options &options, ErrorText &error,
                 std::unique_ptr<Transport> &transport)
{
    const int result = open_device_transport(database, options.rights, error, transport);
    if (result == 0)
        return 0;
    std::unique_ptr<Transport> netlink;
    if (const int other = open_netlink_transport(database, options, error, netlink); other < 0)
        return other;
    if (result == -ENODEV && open_device_transport(database, options.rights, error, transport) == 0)
        return 0;
    transport = std::move(netlink);
    return 0;
}

// Opens only the device. If it is missing, netlink finds out why: the module is not loaded, or the
// process has a /dev of its own in a chroot or sandbox.
int open_device(std::string_view database, const moddb_options &options, ErrorText &error,
                std::unique_ptr<Transport> &transport)
{
    const int result = open_device_transport(database, options.rights, error, transport);
    if (result != -ENODEV)
        return result;
    ErrorText unused;
    std::unique_ptr<Channel> channel;
    if (Channel::open(database, options.timeout_ms, options.rights, unused, channel) < 0)
        return result;
    if (const int again = open_device_transport(database, options.rights, error, transport);
        again != -ENODEV)
        return again;
    return error.fail(-ENODEV, "the kernel module is loaded, but there is no /dev/moddb here (a "
                               "chroot or a sandbox with a /dev of its own): use netlink, or make "
                               "the device visible");
}

} // namespace

int open_transport(std::string_view database, const moddb_options &options, ErrorText &error,
                   std::unique_ptr<Transport> &transport)
{
    int choice = static_cast<int>(options.transport);
    if (choice == MODDB_TRANSPORT_AUTO)
        choice = environment_choice();
    switch (choice) {
    case MODDB_TRANSPORT_AUTO:
        return open_fastest(database, options, error, transport);
    case MODDB_TRANSPORT_NETLINK:
        return open_netlink_transport(database, options, error, transport);
    case MODDB_TRANSPORT_DEVICE:
        return open_device(database, options, error, transport);
    case -1:
        return error.fail(-EINVAL, "MODDB_TRANSPORT is not auto, netlink or device");
    default:
        return error.fail(-EINVAL, "unknown transport %u", options.transport);
    }
}

int Transport::set(std::string_view key, std::string_view value, uint64_t &version,
                   ErrorText &error)
{
    Operation operation;
    operation.code = MODDB_OP_CODE_SET;
    operation.key = key;
    operation.value = value;
    Outcome outcome;
    const int status = write(operation, outcome, error);
    version = outcome.version;
    return status;
}

int fail_operation(const Outcome &outcome, ErrorText &error) noexcept
{
    if (outcome.status == -EDQUOT)
        return error.fail_with(outcome.status, general_message(outcome.status, outcome.limit));
    if (outcome.status != -ECANCELED)
        return error.fail(outcome.status);
    if (outcome.version)
        return error.fail(-ECANCELED, "the condition does not hold: the entry has version %" PRIu64,
                          outcome.version);
    return error.fail(-ECANCELED, "the condition does not hold: there is no such key");
}

int fail_rights(uint32_t missing, ErrorText &error) noexcept
{
    return error.fail(-EACCES, "the handle was opened without the right to %s",
                      missing & MODDB_RIGHT_READ ? "read" : "write");
}

int fail_too_small(size_t length, size_t size, ErrorText &error) noexcept
{
    return error.fail(-EMSGSIZE, "the value has %zu bytes, the buffer only %zu", length, size);
}

void pass_failed(const Outcome &outcome, size_t index, OutcomeSink &sink)
{
    Outcome undone;
    undone.status = -EINPROGRESS;
    for (size_t i = 0; i < index; ++i)
        sink.add(undone);
    sink.add(outcome);
}

} // namespace moddb_internal
