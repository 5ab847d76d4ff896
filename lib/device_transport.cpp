// SPDX-License-Identifier: MIT
//
// The store's operations over /dev/moddb: one ioctl carries one operation or many. A plain get or
// set must cost one system call and no allocation.
#include "cancel.h"
#include "device_file.h"
#include "listing.h"
#include "transport.h"

#include <moddb/device.h>

#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <limits>
#include <vector>

namespace moddb_internal {

namespace {

// The number of operations of a batch in one call, and the room for the values that they read:
// enough to make the call's own cost small.
constexpr size_t batch_count = 1024;
constexpr size_t batch_room = 1024 * 1024;

// The room for a value in a batch or transaction before its length is known.
constexpr uint32_t first_room = 512;

// The most room that every value of a transaction gets because one value is long.
constexpr uint32_t most_common_room = MODDB_VALUE_MAX / 64;

// How often an operation is repeated because its database was replaced or a value has grown.
constexpr int attempts_max = 100;

// An operation that only has a key, in the short form.
void put_plain(uint32_t code, std::string_view key, moddb_device_op &op) noexcept
{
    op.code = code;
    op.condition = MODDB_CONDITION_NONE;
    op.key = address(key.data());
    op.key_len = static_cast<uint32_t>(key.size());
    op.value_len = 0;
    op.value = 0;
    op.out = 0;
    op.out_size = 0;
    op.want = 0;
    op.flags = 0;
}

// Whether the short form has all fields that an operation and its result need.
bool is_plain(const Operation &operation) noexcept
{
    return operation.condition == MODDB_IF_ALWAYS && !operation.ttl_ms && !operation.tag &&
           !operation.want_info && !operation.is(MODDB_OP_COUNTS | MODDB_OP_EXCHANGES);
}

// A plain operation has only the fields of the short form.
void put_operation(const Operation &operation, bool plain, moddb_device_op &op) noexcept
{
    put_plain(operation.code, operation.key, op);
    if (operation.is(MODDB_OP_TAKES_VALUE)) {
        op.value_len = static_cast<uint32_t>(operation.value.size());
        op.value = address(operation.value.data());
    }
    op.want = (operation.want_value ? MODDB_DEVICE_WANT_VALUE : 0) |
              (operation.want_info ? MODDB_DEVICE_WANT_META : 0);
    op.flags = operation.flags;
    op.out_len = 0;
    if (plain)
        return;
    std::memset(&op.ttl, 0, sizeof(op) - MODDB_DEVICE_OP_PLAIN);
    op.condition = operation.condition;
    op.ttl = operation.ttl_ms;
    if (operation.condition == MODDB_IF_VALUE) {
        op.if_value = address(operation.if_value.data());
        op.if_value_len = static_cast<uint32_t>(operation.if_value.size());
    }
    op.if_version = operation.if_version;
    op.tag = operation.tag;
    op.if_tag = operation.if_tag;
    if (operation.is(MODDB_OP_COUNTS)) {
        op.delta = operation.delta;
        op.initial = operation.initial;
        op.minimum =
            operation.has_minimum ? operation.minimum : std::numeric_limits<int64_t>::min();
        op.maximum =
            operation.has_maximum ? operation.maximum : std::numeric_limits<int64_t>::max();
    }
}

bool reads(const Operation &operation) noexcept
{
    return operation.is(MODDB_OP_ANSWERS) || operation.want_value;
}

// Whether the value of a swap or take is too long for a batch, in which netlink has the same limit.
bool is_too_long(const Operation &operation, const moddb_device_op &op) noexcept
{
    return operation.is(MODDB_OP_EXCHANGES) && op.status == -EMSGSIZE &&
           op.out_len > MODDB_INLINE_MAX;
}

// Copies the fields of an entry except key, value and version, like copy_meta().
template <typename To>
void read_meta(const moddb_device_op &op, To &to) noexcept
{
    to.mtime_ns = op.mtime;
    to.ttl_ms = op.ttl_left;
    to.uid = op.uid;
    to.pid = op.pid;
    to.flags = op.entry_flags;
    to.tag = op.entry_tag;
}

void fill_outcome(const Operation &operation, const moddb_device_op &op, Outcome &outcome) noexcept
{
    const bool got = operation.is(MODDB_OP_ANSWERS) && op.status == 0 &&
                     (operation.is(MODDB_OP_READS) || op.previous_version);
    outcome.status = op.status;
    if (op.status == 0 || op.status == -ECANCELED || op.status == -EMSGSIZE)
        outcome.version = op.version;
    if (op.status == -EMSGSIZE)
        outcome.value_length = op.out_len;
    if (got && operation.is(MODDB_OP_EXCHANGES))
        outcome.previous_version = op.previous_version;
    if (op.status == -EDQUOT)
        outcome.limit = op.limit;
    if (op.status == 0 && operation.is(MODDB_OP_COUNTS))
        outcome.number = op.number;
    if (got || (operation.want_value && op.status == -ECANCELED && op.version)) {
        outcome.has_value = op.out_len <= op.out_size;
        outcome.value_length = op.out_len;
        if (outcome.has_value)
            outcome.value = {reinterpret_cast<const char *>(op.out), op.out_len};
    }
    if (got && operation.want_info) {
        read_meta(op, outcome);
    }
}

class DeviceTransport final : public Transport {
  public:
    // With the rights that the caller wants; 0 means all that the caller has.
    DeviceTransport(std::string_view database, uint32_t rights)
        : database_(database), wanted_(rights)
    {
        exec_.text = address(text_);
        exec_.text_size = sizeof(text_);
    }

    // Opens the device and binds it.
    int open(ErrorText &error);

    enum moddb_transport kind() const noexcept override { return MODDB_TRANSPORT_DEVICE; }
    int fd() const noexcept override { return fd_.get(); }
    unsigned binding() const noexcept override { return binding_; }
    Channel *channel() noexcept override { return nullptr; }

    int get(std::string_view key, char *buffer, size_t &length, moddb_info *info,
            ErrorText &error) override;
    int get_part(std::string_view key, Part &part, ErrorText &error) override;
    int set(std::string_view key, std::string_view value, uint64_t &version,
            ErrorText &error) override;
    int write(const Operation &operation, Outcome &outcome, ErrorText &error) override;
    int run(std::span<const Operation> operations, OutcomeSink &sink, ErrorText &error) override;
    int commit(std::span<const Operation> operations, OutcomeSink &sink, size_t &failed,
               ErrorText &error) override;
    int list(const moddb_list_options &options, Listing &listing, ErrorText &error,
             const std::function<void()> &pause) override;
    int delete_step(std::string_view prefix, Deletion &deletion, ErrorText &error) override;
    int count_lost(uint64_t &number, ErrorText &error) override;
    int signal_lost(int event, ErrorText &error) override;

  private:
    int open_again(ErrorText &error);
    int lost(int fd, moddb_device_lost &call, ErrorText &error);
    int walk(unsigned long command, moddb_device_list &call, ErrorText &error);
    int exec(void *ops, size_t count, size_t op_size, uint32_t flags, size_t &done,
             ErrorText &error);
    int exec_one(bool plain, ErrorText &error, bool bound = false);
    moddb_device_op &nth(size_t index) noexcept;
    size_t first_refused(std::span<const Operation> operations) const noexcept;
    void make_room(std::span<const Operation> operations);

    std::string database_;
    Descriptor fd_;
    uint32_t wanted_;
    uint32_t rights_ = 0;
    unsigned binding_ = 0;
    uint64_t lost_before_ = 0; // by files that were bound before this one
    int lost_event_ = -1;
    moddb_device_op op_{};
    moddb_device_exec exec_{};
    std::vector<char> values_;
    std::vector<uint64_t> ops_; // operations, op_size_ bytes each, and room for a longer one
    size_t op_size_ = MODDB_DEVICE_OP_PLAIN;
    std::vector<uint32_t> rooms_;
    uint32_t next_room_ = first_room; // of the first operation of the next call of run()
    DeviceText text_ = "";
};

int DeviceTransport::open(ErrorText &error)
{
    return open_device_file(database_, wanted_, fd_, rights_, error);
}

// Binds to the database that now has the name of the deleted one, and keeps the descriptor's
// number, which the caller may know.
int DeviceTransport::open_again(ErrorText &error)
{
    Descriptor fresh;
    if (const int result = open_device_file(database_, wanted_, fresh, rights_, error); result < 0)
        return result;
    moddb_device_lost before{};
    if (const int result = lost(fd_.get(), before, error); result < 0 && result != -EOPNOTSUPP)
        return result;
    if (lost_event_ >= 0) {
        moddb_device_lost call{};
        call.flags = MODDB_DEVICE_LOST_EVENT;
        call.event_fd = lost_event_;
        if (const int result = lost(fresh.get(), call, error); result < 0)
            return result;
    }
    const int close_on_exec = ::fcntl(fd_.get(), F_GETFD) & FD_CLOEXEC ? O_CLOEXEC : 0;
    if (::dup3(fresh.get(), fd_.get(), close_on_exec) < 0)
        return error.fail(-errno);
    lost_before_ += before.number;
    ++binding_;
    // The end of the file before signals nothing.
    if (before.number && lost_event_ >= 0)
        (void)::eventfd_write(lost_event_, 1);
    return 0;
}

// Performs operations; done becomes the number of those that have a result.
int DeviceTransport::exec(void *ops, size_t count, size_t op_size, uint32_t flags, size_t &done,
                          ErrorText &error)
{
    exec_.ops = address(ops);
    exec_.count = static_cast<uint32_t>(count);
    exec_.op_size = static_cast<uint32_t>(op_size);
    exec_.flags = flags;
    text_[0] = '\0';
    const int result = ::ioctl(fd_.get(), MODDB_IOC_EXEC, &exec_) < 0 ? -errno : 0;
    done = exec_.done;
    return result < 0 ? error.fail_with(result, text_) : 0;
}

// Performs the operation in op_. If the database was replaced, uses the one that has the name now,
// unless the operation is bound to the original one.
int DeviceTransport::exec_one(bool plain, ErrorText &error, bool bound)
{
    const size_t size = plain ? MODDB_DEVICE_OP_PLAIN : sizeof(op_);
    for (int attempt = 0;; ++attempt) {
        size_t done;
        if (const int result = exec(&op_, 1, size, 0, done, error); result < 0)
            return result;
        if (op_.status != -ESTALE || bound || attempt == attempts_max)
            return 0;
        if (const int result = open_again(error); result < 0)
            return result;
    }
}

// The operation with that index in ops_.
moddb_device_op &DeviceTransport::nth(size_t index) noexcept
{
    return *reinterpret_cast<moddb_device_op *>(reinterpret_cast<char *>(ops_.data()) +
                                                index * op_size_);
}

// Flattened, like the next one: the calls would double its cost.
[[gnu::flatten]] int DeviceTransport::get(std::string_view key, char *buffer, size_t &length,
                                          moddb_info *info, ErrorText &error)
{
    const size_t size = std::min<size_t>(length, MODDB_VALUE_MAX);
    put_plain(MODDB_OP_CODE_GET, key, op_);
    if (info) {
        op_.want = MODDB_DEVICE_WANT_META;
        std::memset(&op_.ttl, 0, sizeof(op_) - MODDB_DEVICE_OP_PLAIN);
    }
    op_.out = address(buffer);
    op_.out_size = static_cast<uint32_t>(size);
    if (const int result = exec_one(!info, error); result < 0)
        return result;
    if (op_.status < 0 && op_.status != -EMSGSIZE)
        return error.fail_with(op_.status, text_);
    length = op_.out_len;
    if (info) {
        info->version = op_.version;
        read_meta(op_, *info);
    }
    if (op_.status < 0)
        return fail_too_small(length, size, error);
    return 0;
}

int DeviceTransport::get_part(std::string_view key, Part &part, ErrorText &error)
{
    Operation operation;
    operation.key = key;
    operation.condition = part.version ? MODDB_IF_VERSION : MODDB_IF_ALWAYS;
    operation.if_version = part.version;
    put_operation(operation, false, op_);
    op_.want = MODDB_DEVICE_WANT_PART;
    op_.offset = part.offset;
    op_.out = address(part.buffer);
    op_.out_size = part.length;
    if (const int result = exec_one(false, error); result < 0)
        return result;
    part.version = op_.version;
    if (op_.status < 0)
        return error.fail_with(op_.status, text_);
    part.value_length = op_.out_len;
    part.length = std::min(part.length, op_.out_len - std::min(part.offset, op_.out_len));
    return 0;
}

[[gnu::flatten]] int DeviceTransport::set(std::string_view key, std::string_view value,
                                          uint64_t &version, ErrorText &error)
{
    put_plain(MODDB_OP_CODE_SET, key, op_);
    op_.value = address(value.data());
    op_.value_len = static_cast<uint32_t>(value.size());
    if (const int result = exec_one(true, error); result < 0)
        return result;
    version = op_.version;
    return op_.status < 0 ? error.fail_with(op_.status, text_) : 0;
}

int DeviceTransport::write(const Operation &operation, Outcome &outcome, ErrorText &error)
{
    const bool plain = is_plain(operation);
    put_operation(operation, plain, op_);
    for (;;) {
        if (reads(operation)) {
            values_.resize(std::max<size_t>({values_.size(), first_room, op_.out_len}));
            op_.out = address(values_.data());
            op_.out_size = static_cast<uint32_t>(std::min(values_.size(), operation.room));
        }
        if (const int result = exec_one(plain, error, operation.bound); result < 0)
            return result;
        if (op_.status != -EMSGSIZE || op_.out_len > operation.room)
            break;
    }
    fill_outcome(operation, op_, outcome);
    if (outcome.status == -ECANCELED)
        return fail_operation(outcome, error);
    return outcome.status < 0 ? error.fail_with(outcome.status, text_) : 0;
}

// The index of the first operation for which the caller lacks the right; the number of operations
// if there is none.
size_t DeviceTransport::first_refused(std::span<const Operation> operations) const noexcept
{
    const auto refused = [this](const Operation &operation) {
        return (moddb_op_rights(operation.code, operation.want_value) & ~rights_) != 0;
    };
    return static_cast<size_t>(std::find_if(operations.begin(), operations.end(), refused) -
                               operations.begin());
}

// Fills ops_ with operations, and gives those that read the room of rooms_.
void DeviceTransport::make_room(std::span<const Operation> operations)
{
    size_t sum = 0;
    for (size_t i = 0; i < operations.size(); ++i)
        sum += reads(operations[i]) ? rooms_[i] : 0;
    if (values_.size() < sum)
        values_.resize(sum);
    const bool plain = std::all_of(operations.begin(), operations.end(), is_plain);
    op_size_ = plain ? MODDB_DEVICE_OP_PLAIN : sizeof(moddb_device_op);
    const size_t words = (operations.size() * op_size_ + sizeof(moddb_device_op)) / sizeof(ops_[0]);
    if (ops_.size() < words)
        ops_.resize(words);
    char *room = values_.data();
    for (size_t i = 0; i < operations.size(); ++i) {
        moddb_device_op &op = nth(i);
        put_operation(operations[i], plain, op);
        if (!reads(operations[i]))
            continue;
        op.out = address(room);
        op.out_size = rooms_[i];
        room += rooms_[i];
    }
}

int DeviceTransport::run(std::span<const Operation> operations, OutcomeSink &sink, ErrorText &error)
{
    if (const size_t refused = first_refused(operations); refused < operations.size())
        operations = operations.subspan(refused, 1);
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        const size_t room = std::max<size_t>(first_room, std::min<size_t>(next_room_, 16384));
        const size_t count = std::min({operations.size(), batch_count, batch_room / room});
        rooms_.assign(count, static_cast<uint32_t>(room));
        rooms_[0] = std::max(rooms_[0], next_room_);
        make_room(operations.first(count));
        size_t done;
        const int result = exec(ops_.data(), count, op_size_, 0, done, error);
        const bool malformed = result == -EINVAL || result == -EMSGSIZE;
        if (result < 0 && !done && !malformed)
            return result;
        const bool no_room = done < count && result == 0 && nth(done).status == -EMSGSIZE;
        const bool refused = no_room && is_too_long(operations[done], nth(done));
        next_room_ = no_room && !refused ? nth(done).out_len : first_room;
        done += refused;
        size_t taken = 0;
        for (; taken < done && nth(taken).status != -ESTALE; ++taken) {
            Outcome &outcome = sink.next();
            fill_outcome(operations[taken], nth(taken), outcome);
            sink.filled(outcome);
        }
        if (taken < done) {
            if (const int reopened = open_again(error); reopened < 0 && !taken)
                return reopened;
        } else if (malformed) {
            // A malformed operation fails alone.
            Outcome outcome;
            outcome.status = result;
            sink.add(outcome);
            ++taken;
        }
        if (taken)
            return static_cast<int>(taken);
    }
    return error.fail(-EAGAIN, "the value changes faster than it can be read");
}

int DeviceTransport::commit(std::span<const Operation> operations, OutcomeSink &sink,
                            size_t &failed, ErrorText &error)
{
    if (const size_t refused = first_refused(operations); refused < operations.size()) {
        const bool plain = is_plain(operations[refused]);
        put_operation(operations[refused], plain, op_);
        return exec_one(plain, error);
    }
    rooms_.assign(operations.size(), first_room);
    uint32_t least_room = first_room;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        make_room(operations);
        size_t done;
        const int result =
            exec(ops_.data(), operations.size(), op_size_, MODDB_DEVICE_TRANSACTION, done, error);
        if (result == -ESTALE) {
            if (const int reopened = open_again(error); reopened < 0)
                return reopened;
            continue;
        }
        Outcome outcome;
        if (result < 0) {
            outcome.status = result;
            if (done < operations.size()) {
                failed = done;
                pass_failed(outcome, failed, sink);
            }
            return result;
        }
        if (done < operations.size() && reads(operations[done]) &&
            nth(done).out_len > rooms_[done] && !is_too_long(operations[done], nth(done))) {
            // The other values are likely to be as long. In a transaction few can be longer.
            least_room = std::min(std::max(2 * least_room, nth(done).out_len), most_common_room);
            for (uint32_t &room : rooms_)
                room = std::max(room, least_room);
            rooms_[done] = std::max(rooms_[done], nth(done).out_len);
            continue;
        }
        for (size_t i = 0; i < operations.size() && done == operations.size(); ++i) {
            Outcome &own = sink.next();
            fill_outcome(operations[i], nth(i), own);
            sink.filled(own);
        }
        if (done == operations.size())
            return 0;
        fill_outcome(operations[done], nth(done), outcome);
        failed = done;
        pass_failed(outcome, failed, sink);
        if (outcome.status == -ECANCELED)
            return fail_operation(outcome, error);
        return error.fail_with(outcome.status, text_);
    }
    return error.fail(-EAGAIN, "the value changes faster than it can be read");
}

// Room for the records of one call of a listing: enough to make the call's own cost small.
constexpr size_t records_room = 128 * 1024;

int DeviceTransport::list(const moddb_list_options &options, Listing &listing, ErrorText &error,
                          const std::function<void()> &pause)
{
    std::vector<char> records(records_room);
    moddb_cursor cursor = options.after ? *options.after : moddb_cursor{};
    moddb_device_list call{};
    call.prefix = address(options.prefix);
    call.prefix_len = static_cast<uint32_t>(options.prefix_length);
    call.flags = (options.flags & MODDB_LIST_VALUES ? MODDB_DEVICE_LIST_VALUES : 0) |
                 (options.flags & MODDB_LIST_INFO ? MODDB_DEVICE_LIST_META : 0);
    call.since = options.since;
    call.cursor = address(cursor.key);
    call.cursor_len = cursor.key_length;
    call.generation = cursor.generation;
    call.out = address(records.data());
    call.out_size = static_cast<uint32_t>(records.size());
    uint32_t left = options.limit;
    do {
        call.count = left;
        if (const int result = walk(MODDB_IOC_LIST, call, error); result < 0)
            // The order has changed; only the caller can start again after its own cursor.
            return result == -EAGAIN && !(options.after && options.after->key_length) ? 1 : result;
        if (!listing.is_begun())
            listing.begin(call.revision, call.generation);
        std::string_view rest(records.data(), records.size());
        for (uint32_t i = 0; i < call.count; ++i) {
            EntryFields fields;
            if (!take_record(rest, fields) || fields.key.empty())
                return error.fail(-EBADMSG, "malformed listing from the kernel");
            listing.add(fields);
        }
        left -= std::min(left, call.count);
        pause();
    } while (call.more && (left > 0 || options.limit == 0));
    return 0;
}

// Takes a part of a listing or of a deletion, of the database that has the name now. Its entries
// have another order than those of the database in which the part before was taken.
int DeviceTransport::walk(unsigned long command, moddb_device_list &call, ErrorText &error)
{
    call.text = address(text_);
    call.text_size = sizeof(text_);
    for (int attempt = 0;;) {
        text_[0] = '\0';
        if (::ioctl(fd_.get(), command, &call) == 0)
            return 0;
        // A signal interrupted the wait for entries that move.
        if (errno == EINTR)
            continue;
        if (errno != ESTALE || attempt++ == attempts_max)
            return error.fail_with(-errno, text_);
        if (const int result = open_again(error); result < 0)
            return result;
    }
}

int DeviceTransport::delete_step(std::string_view prefix, Deletion &deletion, ErrorText &error)
{
    unsigned char key[MODDB_KEY_MAX];
    deletion.key.copy(reinterpret_cast<char *>(key), sizeof(key));
    moddb_device_list call{};
    call.prefix = address(prefix.data());
    call.prefix_len = static_cast<uint32_t>(prefix.size());
    call.cursor = address(key);
    call.cursor_len = static_cast<uint32_t>(deletion.key.size());
    call.generation = deletion.generation;
    if (const int result = walk(MODDB_IOC_DEL_PREFIX, call, error); result < 0)
        return result;
    deletion.number += call.count;
    deletion.kept = deletion.kept || call.status == -EPERM;
    if (call.status < 0 && call.status != -EPERM)
        return error.fail_with(call.status, general_message(call.status));
    deletion.key.assign(reinterpret_cast<const char *>(key), call.cursor_len);
    deletion.generation = call.generation;
    deletion.has_more = call.more;
    return 0;
}

int DeviceTransport::lost(int fd, moddb_device_lost &call, ErrorText &error)
{
    call.text = address(text_);
    call.text_size = sizeof(text_);
    text_[0] = '\0';
    if (::ioctl(fd, MODDB_IOC_LOST, &call) == 0)
        return 0;
    return errno == ENOTTY ? error.fail(-EOPNOTSUPP) : error.fail_with(-errno, text_);
}

int DeviceTransport::count_lost(uint64_t &number, ErrorText &error)
{
    moddb_device_lost call{};
    const int result = lost(fd_.get(), call, error);
    number = result < 0 ? 0 : lost_before_ + call.number;
    return result;
}

int DeviceTransport::signal_lost(int event, ErrorText &error)
{
    moddb_device_lost call{};
    call.flags = MODDB_DEVICE_LOST_EVENT;
    call.event_fd = event;
    const int result = lost(fd_.get(), call, error);
    if (result == 0)
        lost_event_ = event;
    return result;
}

} // namespace

int open_device_transport(std::string_view database, uint32_t rights, ErrorText &error,
                          std::unique_ptr<Transport> &transport)
{
    auto device = std::make_unique<DeviceTransport>(database, rights);
    if (const int result = device->open(error); result < 0)
        return result;
    transport = std::move(device);
    return 0;
}

} // namespace moddb_internal
