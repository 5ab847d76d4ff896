// SPDX-License-Identifier: MIT
//
// The store's operations over generic netlink: one request, one reply. A plain get or set must cost
// one send and one recv and no allocation.
#include "netlink_listing.h"
#include "transport.h"

#include <algorithm>
#include <cerrno>
#include <vector>

namespace moddb_internal {

namespace {

// The bytes of operations in one message of a batch: enough to make the cost of a message small,
// and for the longest operation.
constexpr size_t batch_size = 128 * 1024;

// The size of the longest reply to a transaction.
constexpr size_t txn_reply_size = 256 * 1024;

// How often a long value may change while it is read in parts.
constexpr int read_attempts = 100;

int malformed(ErrorText &error) noexcept
{
    return error.fail(-EBADMSG, "malformed reply from the kernel");
}

// Whether the reply to a swap or take is valid: it failed, or has the previous value, if there was
// one, and the caller has room for that.
bool answers_exchange(const Outcome &outcome, size_t room) noexcept
{
    return outcome.status < 0 ||
           (outcome.has_value == (outcome.previous_version > 0) && outcome.value_length <= room);
}

// Whether the condition of a swap or take holds for an entry that exists.
bool holds(const Operation &operation, const Part &entry, std::string_view value) noexcept
{
    switch (operation.condition) {
    case MODDB_IF_ABSENT:
        return false;
    case MODDB_IF_VERSION:
        return entry.version == operation.if_version;
    case MODDB_IF_VALUE:
        return value == operation.if_value;
    case MODDB_IF_TAG:
        return entry.tag == operation.if_tag;
    default:
        return true;
    }
}

// Whether the value does not fit in an attribute.
bool is_long(const Operation &operation) noexcept
{
    return operation.value.size() > MODDB_INLINE_MAX;
}

void put_operation(Writer &writer, const Operation &operation) noexcept
{
    writer.put(MODDB_A_ENTRY_KEY, operation.key);
    if (operation.is(MODDB_OP_COUNTS)) {
        writer.put_s64(MODDB_A_ENTRY_DELTA, operation.delta);
        if (operation.initial)
            writer.put_s64(MODDB_A_ENTRY_INITIAL, operation.initial);
        if (operation.has_minimum)
            writer.put_s64(MODDB_A_ENTRY_MINIMUM, operation.minimum);
        if (operation.has_maximum)
            writer.put_s64(MODDB_A_ENTRY_MAXIMUM, operation.maximum);
    }
    if (operation.is(MODDB_OP_TAKES_VALUE) && !is_long(operation))
        writer.put(MODDB_A_ENTRY_VALUE, operation.value);
    if (operation.ttl_ms)
        writer.put_u64(MODDB_A_ENTRY_TTL, operation.ttl_ms);
    if (operation.flags)
        writer.put_u32(MODDB_A_ENTRY_FLAGS, operation.flags);
    if (operation.tag)
        writer.put_u32(MODDB_A_ENTRY_TAG, operation.tag);
    if (operation.condition != MODDB_IF_ALWAYS) {
        writer.put_u32(MODDB_A_ENTRY_CONDITION, operation.condition);
        if (operation.condition == MODDB_IF_VERSION)
            writer.put_u64(MODDB_A_ENTRY_IF_VERSION, operation.if_version);
        else if (operation.condition == MODDB_IF_VALUE)
            writer.put(MODDB_A_ENTRY_IF_VALUE, operation.if_value);
        else if (operation.condition == MODDB_IF_TAG)
            writer.put_u32(MODDB_A_ENTRY_IF_TAG, operation.if_tag);
        if (operation.want_value)
            writer.put_flag(MODDB_A_ENTRY_WANT_VALUE);
    }
}

bool is_plain_set(const Operation &operation) noexcept
{
    return operation.code == MODDB_OP_CODE_SET && operation.condition == MODDB_IF_ALWAYS &&
           !operation.ttl_ms && !operation.flags && !operation.tag;
}

void put_nested(Writer &writer, const Operation &operation) noexcept
{
    char *const nest = writer.begin_nest(MODDB_A_ENTRY_OP);
    // Without a code, an operation with a value is a set, and one without is a get.
    if (operation.code != MODDB_OP_CODE_GET && operation.code != MODDB_OP_CODE_SET)
        writer.put_u32(MODDB_A_ENTRY_CODE, operation.code);
    put_operation(writer, operation);
    if (operation.want_info)
        writer.put_flag(MODDB_A_ENTRY_WANT_META);
    writer.end_nest(nest);
}

// Adds an operation to a request; false, and adds nothing, if there is no room for it.
bool put_one_of_several(Writer &writer, const Operation &operation) noexcept
{
    char *const begin = writer.position();
    if (is_plain_set(operation))
        writer.put_nest(MODDB_A_ENTRY_OP, MODDB_A_ENTRY_KEY, operation.key, MODDB_A_ENTRY_VALUE,
                        operation.value);
    else
        put_nested(writer, operation);
    if (!writer.full())
        return true;
    writer.rewind(begin);
    return false;
}

// Passes the results of a batch or a transaction to the sink; false if they are malformed.
bool pass_results(std::string_view reply, OutcomeSink &sink, size_t &count)
{
    count = 0;
    Attributes attributes(reply);
    while (attributes.next()) {
        if (attributes.type() != MODDB_A_ENTRY_RESULT)
            continue;
        Outcome &outcome = sink.next();
        if (!read_outcome(attributes.value(), outcome)) {
            outcome.status = -EBADMSG;
            return false;
        }
        sink.filled(outcome);
        ++count;
    }
    return !attributes.malformed();
}

// The index of the operation that contains a position in the request; SIZE_MAX if none does.
size_t operation_at(const char *position, std::string_view operations) noexcept
{
    Attributes attributes(operations);
    for (size_t index = 0; position >= operations.data() && attributes.next(); ++index)
        if (position < attributes.value().data() + attributes.value().size())
            return index;
    return SIZE_MAX;
}

// The command for a single operation.
uint8_t command_of(uint32_t code) noexcept
{
    switch (code) {
#define COMMAND_CASE(CODE, name, traits)                                                           \
    case MODDB_OP_CODE_##CODE:                                                                     \
        return MODDB_CMD_##CODE;
        MODDB_WRITES(COMMAND_CASE)
#undef COMMAND_CASE
    default:
        return MODDB_CMD_GET;
    }
}

class NetlinkTransport final : public Transport {
  public:
    explicit NetlinkTransport(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}

    enum moddb_transport kind() const noexcept override { return MODDB_TRANSPORT_NETLINK; }
    int fd() const noexcept override { return channel_->fd(); }
    Channel *channel() noexcept override { return channel_.get(); }

    int get(std::string_view key, char *buffer, size_t &length, moddb_info *info,
            ErrorText &error) override;
    int get_part(std::string_view key, Part &part, ErrorText &error) override;
    int write(const Operation &operation, Outcome &outcome, ErrorText &error) override;
    int run(std::span<const Operation> operations, OutcomeSink &sink, ErrorText &error) override;
    int commit(std::span<const Operation> operations, OutcomeSink &sink, size_t &failed,
               ErrorText &error) override;
    int list(const moddb_list_options &options, Listing &listing, ErrorText &error,
             const std::function<void()> &pause) override
    {
        return list_over_netlink(*channel_, options, listing, error, pause);
    }
    int delete_step(std::string_view prefix, Deletion &deletion, ErrorText &error) override
    {
        return delete_step_over_netlink(*channel_, prefix, deletion, error);
    }
    int count_lost(uint64_t &number, ErrorText &error) override { return lost({}, number, error); }
    int signal_lost(int event, ErrorText &error) override
    {
        uint64_t number;
        return lost(event, number, error);
    }

  private:
    int lost(std::optional<int> event, uint64_t &number, ErrorText &error);
    int check_rights(std::span<const Operation> operations, ErrorText &error) const noexcept;
    int write_once(const Operation &operation, Outcome &outcome, ErrorText &error,
                   std::optional<uint32_t> generation = {});
    int exchange_long(const Operation &operation, Outcome &outcome, ErrorText &error);
    int get_rest(std::string_view key, char *buffer, size_t have, std::string_view reply,
                 ErrorText &error);
    int get_part_once(std::string_view key, Part &part, ErrorText &error);
    int run_long(const Operation &operation, OutcomeSink &sink, ErrorText &error);
    int stage(std::string_view value, ErrorText &error);

    std::unique_ptr<Channel> channel_;
    std::vector<char> long_value_; // that a swap or take returns
};

int NetlinkTransport::lost(std::optional<int> event, uint64_t &number, ErrorText &error)
{
    number = 0;
    Writer writer = channel_->begin_without_database(MODDB_CMD_LOST);
    if (event)
        writer.put_u32(MODDB_A_ENTRY_EVENT_FD, static_cast<uint32_t>(*event));
    std::string_view reply;
    if (const int result = channel_->request(writer, error, reply); result < 0)
        return result;
    EntryFields fields;
    if (!read_entry(reply, fields) || fields.number < 0)
        return malformed(error);
    number = static_cast<uint64_t>(fields.number);
    return 0;
}

int NetlinkTransport::get(std::string_view key, char *buffer, size_t &length, moddb_info *info,
                          ErrorText &error)
{
    const size_t size = length;
    for (int attempt = 0; attempt < read_attempts; ++attempt) {
        Writer writer = channel_->begin(MODDB_CMD_GET);
        writer.put(MODDB_A_ENTRY_KEY, key);
        if (info)
            writer.put_flag(MODDB_A_ENTRY_WANT_META);
        std::string_view reply;
        if (const int result = channel_->request(writer, error, reply); result < 0)
            return result;
        Outcome fields;
        if (!read_outcome(reply, fields))
            return malformed(error);

        length = fields.value_length;
        if (info) {
            info->version = fields.version;
            copy_meta(*info, fields);
        }
        if (length > size)
            return fail_too_small(length, size, error);
        const size_t have = fields.value.size();
        if (have)
            std::memcpy(buffer, fields.value.data(), have);
        if (have == length)
            return 0;
        if (const int result = get_rest(key, buffer, have, reply, error); result != -ECANCELED)
            return result;
    }
    return error.fail(-EAGAIN, "the value changes faster than it can be read");
}

// Reads the rest of a long value whose first part is in a reply; -ECANCELED if another value has
// replaced it.
int NetlinkTransport::get_rest(std::string_view key, char *buffer, size_t have,
                               std::string_view reply, ErrorText &error)
{
    EntryFields first;
    if (!read_entry(reply, first))
        return malformed(error);
    Part rest;
    rest.offset = static_cast<uint32_t>(have);
    rest.buffer = buffer + have;
    rest.length = first.value_length - rest.offset;
    rest.version = first.version;
    if (first.has_generation)
        rest.generation = first.generation;
    return get_part_once(key, rest, error);
}

// Reads a part, with as many requests as it needs; -ECANCELED if the value changes between them.
int NetlinkTransport::get_part_once(std::string_view key, Part &part, ErrorText &error)
{
    uint32_t have = 0;
    for (;;) {
        Writer writer = channel_->begin(MODDB_CMD_GET);
        writer.put(MODDB_A_ENTRY_KEY, key);
        writer.put_u32(MODDB_A_ENTRY_OFFSET, part.offset + have);
        writer.put_u32(MODDB_A_ENTRY_VALUE_LENGTH, part.length - have);
        if (part.version)
            writer.put_u64(MODDB_A_ENTRY_IF_VERSION, part.version);
        if (part.generation)
            writer.put_u32(MODDB_A_ENTRY_GENERATION, *part.generation);
        if (part.want_tag)
            writer.put_flag(MODDB_A_ENTRY_WANT_META);
        std::string_view reply;
        if (const int result = channel_->request(writer, error, reply); result < 0)
            return result;
        EntryFields fields;
        if (!read_entry(reply, fields) || fields.value.size() > part.length - have)
            return malformed(error);
        part.version = fields.version;
        if (fields.has_generation)
            part.generation = fields.generation;
        if (fields.status == -ECANCELED)
            return fail_operation(fields, error);
        if (!fields.value.empty())
            std::memcpy(part.buffer + have, fields.value.data(), fields.value.size());
        have += static_cast<uint32_t>(fields.value.size());
        part.value_length = fields.value_length;
        part.tag = fields.tag;
        const bool is_end =
            fields.value_length - std::min(part.offset, fields.value_length) <= have;
        if (have == part.length || is_end) {
            part.length = have;
            return 0;
        }
        if (fields.value.empty())
            return malformed(error);
    }
}

int NetlinkTransport::get_part(std::string_view key, Part &part, ErrorText &error)
{
    for (int attempt = 0; attempt < read_attempts; ++attempt) {
        Part again = part;
        const int result = get_part_once(key, again, error);
        // If the entry is as the caller requires, reads the new value from its beginning.
        if (result == -ECANCELED && (!part.version || part.version == again.version))
            continue;
        part = again;
        return result;
    }
    return error.fail(-EAGAIN, "the value changes faster than it can be read");
}

// Sends a long value before the request that uses it.
int NetlinkTransport::stage(std::string_view value, ErrorText &error)
{
    for (size_t offset = 0; offset < value.size(); offset += MODDB_INLINE_MAX) {
        Writer writer = channel_->begin_without_database(MODDB_CMD_STAGE, NLM_F_ACK);
        writer.put(MODDB_A_ENTRY_VALUE, value.substr(offset, MODDB_INLINE_MAX));
        if (offset == 0)
            writer.put_u32(MODDB_A_ENTRY_VALUE_LENGTH, static_cast<uint32_t>(value.size()));
        writer.put_u32(MODDB_A_ENTRY_OFFSET, static_cast<uint32_t>(offset));
        std::string_view reply;
        if (const int result = channel_->request(writer, error, reply); result < 0)
            return result;
    }
    return 0;
}

// Checks that the handle was opened with the rights that the operations need.
int NetlinkTransport::check_rights(std::span<const Operation> operations,
                                   ErrorText &error) const noexcept
{
    for (const Operation &operation : operations)
        if (const int result = channel_->check_rights(
                moddb_op_rights(operation.code, operation.want_value), error);
            result < 0)
            return result;
    return 0;
}

int NetlinkTransport::write(const Operation &operation, Outcome &outcome, ErrorText &error)
{
    if (const int result = check_rights({&operation, 1}, error); result < 0)
        return result;
    for (int attempt = 0; attempt < read_attempts; ++attempt) {
        const int result = write_once(operation, outcome, error);
        if (outcome.status != -EMSGSIZE || outcome.value_length > operation.room)
            return result;
        // The caller has room for the value, but it does not fit in a reply.
        if (const int answered = exchange_long(operation, outcome, error); answered != -ECANCELED)
            return answered;
    }
    return error.fail(-EAGAIN, "the value changes faster than it can be read");
}

// Reads the value that a swap or take will replace or delete, and then performs it if the entry is
// still the same one; -ECANCELED if it is not.
int NetlinkTransport::exchange_long(const Operation &operation, Outcome &outcome, ErrorText &error)
{
    long_value_.resize(operation.room);
    Part whole;
    whole.buffer = long_value_.data();
    whole.length = static_cast<uint32_t>(operation.room);
    whole.want_tag = operation.condition == MODDB_IF_TAG;
    const int found = get_part_once(operation.key, whole, error);
    if (found == -ENOENT)
        return -ECANCELED;
    if (found < 0)
        return found;
    const std::string_view value(long_value_.data(), whole.length);
    if (whole.value_length > whole.length || !whole.generation || !holds(operation, whole, value))
        return -ECANCELED;
    Operation exact = operation;
    exact.code = operation.is(MODDB_OP_MAKES_ENTRY) ? MODDB_OP_CODE_SET : MODDB_OP_CODE_DEL;
    exact.condition = MODDB_IF_VERSION;
    exact.if_version = whole.version;
    exact.want_value = false;
    if (const int result = write_once(exact, outcome, error, whole.generation); result < 0)
        return result;
    outcome.has_value = true;
    outcome.value = value;
    outcome.value_length = whole.length;
    outcome.previous_version = whole.version;
    return 0;
}

int NetlinkTransport::write_once(const Operation &operation, Outcome &outcome, ErrorText &error,
                                 std::optional<uint32_t> generation)
{
    outcome = {};
    const bool staged = is_long(operation);
    if (staged)
        if (const int result = stage(operation.value, error); result < 0)
            return result;

    Writer writer = channel_->begin(command_of(operation.code));
    put_operation(writer, operation);
    if (staged)
        writer.put_flag(MODDB_A_ENTRY_STAGED);
    if (operation.is(MODDB_OP_EXCHANGES))
        writer.put_u32(MODDB_A_ENTRY_VALUE_LENGTH, static_cast<uint32_t>(operation.room));
    if (generation)
        writer.put_u32(MODDB_A_ENTRY_GENERATION, *generation);
    std::string_view reply;
    if (const int result = channel_->request(writer, error, reply); result < 0)
        return result;
    if (!read_outcome(reply, outcome) ||
        (operation.is(MODDB_OP_EXCHANGES) && !answers_exchange(outcome, operation.room)))
        return malformed(error);
    return outcome.status < 0 ? fail_operation(outcome, error) : 0;
}

// Performs an operation of a batch whose value does not fit in a message, after staging the value.
// An error becomes the status of this operation.
int NetlinkTransport::run_long(const Operation &operation, OutcomeSink &sink, ErrorText &error)
{
    Outcome outcome;
    const int result = write_once(operation, outcome, error);
    if (result == -ETIMEDOUT || result == -EBADMSG)
        return result;
    outcome.status = result;
    sink.add(outcome);
    return 1;
}

int NetlinkTransport::run(std::span<const Operation> operations, OutcomeSink &sink,
                          ErrorText &error)
{
    if (const int result = check_rights(operations, error); result < 0)
        return result;
    if (is_long(operations.front()))
        return run_long(operations.front(), sink, error);
    Writer writer = channel_->begin_large(MODDB_CMD_BATCH, batch_size);
    size_t sent = 0;
    while (sent < operations.size() && !is_long(operations[sent]) &&
           put_one_of_several(writer, operations[sent]))
        ++sent;
    std::string_view reply;
    if (const int result = channel_->request(writer, error, reply); result < 0)
        return result;
    size_t answered;
    if (!pass_results(reply, sink, answered) || answered > sent || answered == 0)
        return malformed(error);
    return static_cast<int>(answered);
}

int NetlinkTransport::commit(std::span<const Operation> operations, OutcomeSink &sink,
                             size_t &failed, ErrorText &error)
{
    if (const int result = check_rights(operations, error); result < 0)
        return result;
    const auto is_too_long = std::find_if(operations.begin(), operations.end(), is_long);
    if (is_too_long != operations.end()) {
        Outcome outcome;
        outcome.status = -EMSGSIZE;
        failed = static_cast<size_t>(is_too_long - operations.begin());
        pass_failed(outcome, failed, sink);
        return error.fail(-EMSGSIZE,
                          "a transaction over netlink has values of at most %d bytes; one over "
                          "/dev/moddb may have longer ones",
                          MODDB_INLINE_MAX);
    }
    channel_->make_reply_room(txn_reply_size);
    Writer writer = channel_->begin_large(MODDB_CMD_TXN, channel_->max_request() - header_size);
    const char *const first = writer.position();
    for (const Operation &operation : operations)
        if (!put_one_of_several(writer, operation))
            return error.fail(-E2BIG, "the transaction has more bytes than fit one message");
    std::string_view reply;
    if (const int result = channel_->request(writer, error, reply); result < 0) {
        Outcome outcome;
        const size_t index = operation_at(channel_->invalid_attribute(),
                                          {first, static_cast<size_t>(writer.position() - first)});
        outcome.status = result;
        if (index < operations.size()) {
            failed = index;
            pass_failed(outcome, failed, sink);
        }
        return result;
    }
    EntryFields fields;
    if (!read_entry(reply, fields))
        return malformed(error);
    if (fields.status < 0) {
        if (fields.index >= operations.size())
            return malformed(error);
        failed = fields.index;
        pass_failed(fields, failed, sink);
        return fail_operation(fields, error);
    }
    size_t answered;
    if (!pass_results(reply, sink, answered) || answered != operations.size())
        return malformed(error);
    return 0;
}

} // namespace

std::unique_ptr<Transport> make_netlink_transport(std::unique_ptr<Channel> channel)
{
    return std::make_unique<NetlinkTransport>(std::move(channel));
}

// Checks rights by operations that need one of them and change nothing: no entry has this version.
static int probe_rights(Transport &transport, uint32_t rights, ErrorText &error)
{
    Operation probe;
    probe.key = "?";
    if (rights & MODDB_RIGHT_READ) {
        char none;
        size_t length = 0;
        const int result = transport.get(probe.key, &none, length, nullptr, error);
        if (result < 0 && result != -ENOENT && result != -EMSGSIZE)
            return result;
    }
    if (!(rights & MODDB_RIGHT_WRITE))
        return 0;
    probe.code = MODDB_OP_CODE_DEL;
    probe.condition = MODDB_IF_VERSION;
    probe.if_version = UINT64_MAX;
    Outcome outcome;
    const int result = transport.write(probe, outcome, error);
    return result == -ECANCELED || result == -EROFS ? 0 : result;
}

int open_netlink_transport(std::string_view database, const moddb_options &options,
                           ErrorText &error, std::unique_ptr<Transport> &transport)
{
    std::unique_ptr<Channel> channel;
    if (const int result =
            Channel::open(database, options.timeout_ms, options.rights, error, channel);
        result < 0)
        return result;
    // "default" always exists. For another database this checks only that it exists.
    if (database != "default") {
        Writer writer = channel->begin_without_database(MODDB_CMD_DB_GET);
        writer.put_string(MODDB_A_DATABASE_NAME, database);
        std::string_view reply;
        if (const int result = channel->request(writer, error, reply); result < 0)
            return result;
    }
    auto opened = make_netlink_transport(std::move(channel));
    if (const int result = probe_rights(*opened, options.rights, error); result < 0)
        return result;
    transport = std::move(opened);
    return 0;
}

} // namespace moddb_internal
