// SPDX-License-Identifier: MIT
//
// The interface between the library's functions and the ways to the kernel: netlink and the device.
// All transports must return the same results and errors. They do not check arguments, which their
// callers have checked.
#pragma once

#include "channel.h"
#include "error.h"
#include "outcome.h"

#include <moddb/moddb.h>
#include <moddb/operations.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace moddb_internal {

// One operation of the store. Fields that its code does not use keep their defaults.
struct Operation {
    uint32_t code = MODDB_OP_CODE_GET;
    bool want_value = false; // a failed condition returns the value
    bool want_info = false;
    bool bound = false; // fail with -ESTALE if another database has the name now
    bool has_minimum = false;
    bool has_maximum = false;
    uint32_t flags = 0;
    uint32_t tag = 0;
    uint32_t condition = MODDB_IF_ALWAYS;
    uint32_t if_tag = 0;
    uint64_t if_version = 0;
    uint64_t ttl_ms = 0;
    size_t room = MODDB_VALUE_MAX; // longest value that a swap or take may return
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
    // The next outcome, to be filled in; valid until the next call.
    virtual Outcome &next() = 0;

    // The outcome is filled in. Copies the value, which is valid until the transport's next call.
    void filled(Outcome &outcome)
    {
        if (outcome.has_value)
            keep(outcome.value);
    }

    void add(const Outcome &outcome) { filled(next() = outcome); }

  protected:
    ~OutcomeSink() = default;

  private:
    virtual void keep(std::string_view &value) = 0;
};

class Listing;

// A deletion by prefix, between two of its steps.
struct Deletion {
    std::string key; // after which the next step goes on
    uint32_t generation = 0;
    bool has_more = false;
    bool kept = false;   // entries of other users
    uint64_t number = 0; // of entries that are deleted
};

// A part of a value.
struct Part {
    uint32_t offset = 0;
    char *buffer = nullptr;
    uint32_t length = 0;       // room there; then the bytes that were read
    uint32_t value_length = 0; // of the whole value
    uint64_t version = 0;      // that the entry must have, or 0; then the one that it has
    // Over netlink, that the entries must have; then the one that they have.
    std::optional<uint32_t> generation;
    bool want_tag = false; // over netlink
    uint32_t tag = 0;
};

class Transport {
  public:
    virtual ~Transport() = default;

    virtual enum moddb_transport kind() const noexcept = 0;

    // The descriptor of the session.
    virtual int fd() const noexcept = 0;

    // Changes when the session is bound to another database of the same name.
    virtual unsigned binding() const noexcept { return 0; }

    // The netlink channel of the session, or null.
    virtual Channel *channel() noexcept = 0;

    // Reads an entry into a buffer; length is the size of the buffer, and becomes that of the
    // value.
    virtual int get(std::string_view key, char *buffer, size_t &length, moddb_info *info,
                    ErrorText &error) = 0;

    // Reads a part of an entry's value; -ECANCELED if the entry has another version.
    virtual int get_part(std::string_view key, Part &part, ErrorText &error) = 0;

    // Sets an entry without a condition, and returns its version.
    virtual int set(std::string_view key, std::string_view value, uint64_t &version,
                    ErrorText &error);

    // Performs an operation that writes, with a value of any length. The outcome is also set with
    // -ECANCELED, and with -EMSGSIZE of a swap or take whose value does not fit.
    virtual int write(const Operation &operation, Outcome &outcome, ErrorText &error) = 0;

    // Performs the first operations, at least one, as many as one call can. Passes their outcomes
    // to the sink, and returns their number or a negative errno.
    virtual int run(std::span<const Operation> operations, OutcomeSink &sink, ErrorText &error) = 0;

    // Performs all operations or none. If one fails, returns its status, and stores its index.
    virtual int commit(std::span<const Operation> operations, OutcomeSink &sink, size_t &failed,
                       ErrorText &error) = 0;

    // Adds to an empty listing the entries that the options select, and calls pause between two
    // parts of it. 1 if it was interrupted: discard what was added.
    virtual int list(const moddb_list_options &options, Listing &listing, ErrorText &error,
                     const std::function<void()> &pause) = 0;

    // Counts the ephemeral entries that the session lost.
    virtual int count_lost(uint64_t &number, ErrorText &error) = 0;

    // Lets the kernel signal an eventfd after each further loss. The eventfd stays open as long as
    // the transport exists.
    virtual int signal_lost(int event, ErrorText &error) = 0;

    // Runs one step of a deletion by prefix.
    virtual int delete_step(std::string_view prefix, Deletion &deletion, ErrorText &error) = 0;
};

// Sets the message for an operation that failed with a status in a reply.
int fail_operation(const Outcome &outcome, ErrorText &error) noexcept;

// The message for what needs rights that the caller did not request when it opened the handle.
int fail_rights(uint32_t missing, ErrorText &error) noexcept;

// The message for a value that is longer than the caller's buffer.
int fail_too_small(size_t length, size_t size, ErrorText &error) noexcept;

// Passes on the outcomes of a transaction whose operation with that index failed: the operations
// before it have no effect.
void pass_failed(const Outcome &outcome, size_t index, OutcomeSink &sink);

// Opens the transport that the options select.
int open_transport(std::string_view database, const moddb_options &options, ErrorText &error,
                   std::unique_ptr<Transport> &transport);

// The transports.
int open_netlink_transport(std::string_view database, const moddb_options &options,
                           ErrorText &error, std::unique_ptr<Transport> &transport);
int open_device_transport(std::string_view database, uint32_t rights, ErrorText &error,
                          std::unique_ptr<Transport> &transport);
std::unique_ptr<Transport> make_netlink_transport(std::unique_ptr<Channel> channel);

} // namespace moddb_internal
