// SPDX-License-Identifier: MIT
//
// The border between what the library offers and how it reaches the kernel: netlink or the device.
// A transport must give the same answers and errors as every other; it checks no arguments, since
// what comes here was checked already.
#pragma once

#include "channel.h"
#include "error.h"
#include "outcome.h"

#include <moddb/moddb.h>
#include <moddb/operations.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace moddb_internal {

// One operation of the store. What does not belong to its code is left alone.
struct Operation {
    uint32_t code = MODDB_OP_CODE_GET;
    bool want_value = false; // answer a failed condition with the value
    bool want_info = false;
    bool bound = false; // -ESTALE, not the new one, where another database has taken the name
    bool has_minimum = false;
    bool has_maximum = false;
    uint32_t flags = 0;
    uint32_t tag = 0;
    uint32_t condition = MODDB_IF_ALWAYS;
    uint32_t if_tag = 0;
    uint64_t if_version = 0;
    uint64_t ttl_ms = 0;
    size_t room = MODDB_VALUE_MAX; // longest value that a swap or take may answer
    std::string_view key;
    std::string_view value;
    std::string_view if_value;
    int64_t delta = 0;
    int64_t initial = 0;
    int64_t minimum = 0;
    int64_t maximum = 0;

    bool is(uint32_t trait) const noexcept { return moddb_op_traits(code) & trait; }
};

// Receives the outcomes of a batch one after the other, from the first operation on.
class OutcomeSink {
  public:
    // Where the next outcome is to be filled in; good until the one after it is asked for.
    virtual Outcome &next() = 0;

    // Says that it is. What it points to is copied, as it dies with the next call of the transport.
    void filled(Outcome &outcome)
    {
        if (outcome.has_value)
            keep(outcome.value);
    }

    void take(const Outcome &outcome) { filled(next() = outcome); }

  protected:
    ~OutcomeSink() = default;

  private:
    virtual void keep(std::string_view &value) = 0;
};

// A part of a value.
struct Part {
    uint32_t offset = 0;
    char *buffer = nullptr;
    uint32_t length = 0;       // room there; then the bytes that were read
    uint32_t value_length = 0; // of the whole value
    uint64_t version = 0;      // that the entry must have, or 0; then the one that it has
};

class Transport {
  public:
    virtual ~Transport() = default;

    virtual enum moddb_transport kind() const noexcept = 0;

    // The descriptor of the session.
    virtual int fd() const noexcept = 0;

    // Changes when the session begins anew, with the database that has taken the name.
    virtual unsigned binding() const noexcept { return 0; }

    // The netlink channel of the session, or null where it has none.
    virtual Channel *channel() noexcept = 0;

    // Reads an entry into a buffer; length is the size of the buffer and becomes the value's.
    virtual int get(std::string_view key, char *buffer, size_t &length, moddb_info *info,
                    ErrorText &error) = 0;

    // Reads a part of an entry's value; -ECANCELED where the entry has another version.
    virtual int get_part(std::string_view key, Part &part, ErrorText &error) = 0;

    // Sets an entry, whatever is there; version is its own if that was done.
    virtual int set(std::string_view key, std::string_view value, uint64_t &version,
                    ErrorText &error);

    // Does an operation that writes. A value of any length; -ECANCELED with the outcome, and so
    // -EMSGSIZE of a swap or take for whose value there is no room.
    virtual int write(const Operation &operation, Outcome &outcome, ErrorText &error) = 0;

    // Does operations one after the other, as many of the first ones as fit one call, at least one.
    // Each has its outcome taken; the number of them is returned, or a negative errno.
    virtual int run(std::span<const Operation> operations, OutcomeSink &sink, ErrorText &error) = 0;

    // Does all of them or none. Where one fails its status is returned and failed is its index.
    virtual int commit(std::span<const Operation> operations, OutcomeSink &sink, size_t &failed,
                       ErrorText &error) = 0;
};

// Words for an operation that the kernel answered with a status instead of refusing it.
int fail_operation(const Outcome &outcome, ErrorText &error) noexcept;

// Words for a value that is longer than the caller's buffer.
int fail_too_small(size_t length, size_t size, ErrorText &error) noexcept;

// Hands over what became of a transaction whose operation number index failed: none of those before
// it was done either.
void take_failed(const Outcome &outcome, size_t index, OutcomeSink &sink);

// Opens the transport that the options ask for.
int open_transport(std::string_view database, const moddb_options &options, ErrorText &error,
                   std::unique_ptr<Transport> &transport);

// The transports by themselves.
int open_netlink_transport(std::string_view database, const moddb_options &options,
                           ErrorText &error, std::unique_ptr<Transport> &transport);
int open_device_transport(std::string_view database, uint32_t rights, ErrorText &error,
                          std::unique_ptr<Transport> &transport);
std::unique_ptr<Transport> make_netlink_transport(std::unique_ptr<Channel> channel);

} // namespace moddb_internal
