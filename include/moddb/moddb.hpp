// SPDX-License-Identifier: MIT
//
// moddb.hpp: the C++17 layer over moddb.h, in this header alone. It adds ownership, exceptions and
// the types of the standard library, but no semantics: moddb.h describes what a call does. Its
// rules for threads and forks hold here as well: an object and what was made from it may be used by
// one thread at a time.
//
// Failures are thrown as moddb::Error, except those that are ordinary results: a missing key, a
// condition that fails, a lock that another session holds, and a timeout. Each function that can
// throw names under "Errors:" the functions of moddb.h whose errors it throws; each can also throw
// std::bad_alloc. Objects that are returned own their memory, unless their type is called ...View.
//
// A listing, a snapshot, a batch, a cached key and a lock must be destroyed before the Database
// that they were made from; they cannot be made from a temporary one. An object that was moved from
// may be destroyed or assigned to; anything else throws Error EINVAL, or, in a function that cannot
// throw, returns 0, an empty name or a negative descriptor.

#ifndef MODDB_MODDB_HPP
#define MODDB_MODDB_HPP

#include <moddb/moddb.h>

#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace moddb {

// Code that was compiled against another version of this header, and shares objects of these types
// with the program, fails to link instead of misbehaving. The name changes when a layout does.
inline namespace abi0 {

using Milliseconds = std::chrono::milliseconds;
using Time = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

// A failure: code() is the errno in the generic category, text() the message.
class Error : public std::system_error {
  public:
    Error(int result, const char *text, std::uint32_t limit = 0)
        : std::system_error(-result, std::generic_category(), text), text_(text), limit_(limit)
    {
    }

    const std::string &text() const noexcept { return text_; }

    // The limit of an EDQUOT: moddb_error_limit().
    std::uint32_t limit() const noexcept { return limit_; }

  private:
    std::string text_;
    std::uint32_t limit_;
};

enum class Transport {
    automatic = MODDB_TRANSPORT_AUTO,
    netlink = MODDB_TRANSPORT_NETLINK,
    device = MODDB_TRANSPORT_DEVICE,
};

// The condition of a write or a delete; by default there is none.
class Condition {
  public:
    Condition() = default;
    static Condition absent() { return Condition(MODDB_IF_ABSENT); }
    static Condition present() { return Condition(MODDB_IF_PRESENT); }
    static Condition version(std::uint64_t version)
    {
        Condition condition(MODDB_IF_VERSION);
        condition.version_ = version;
        return condition;
    }
    // The bytes must stay valid until the condition has been used.
    static Condition value(std::string_view value)
    {
        Condition condition(MODDB_IF_VALUE);
        condition.value_ = value;
        return condition;
    }

    static Condition tag(std::uint32_t tag)
    {
        Condition condition(MODDB_IF_TAG);
        condition.tag_ = tag;
        return condition;
    }

    // To moddb_write_options or moddb_incr_options.
    template <typename Options>
    void apply(Options &options) const noexcept
    {
        options.condition = static_cast<std::uint32_t>(kind_);
        options.if_version = version_;
        options.if_value = value_.data();
        options.if_value_length = value_.size();
        options.if_tag = tag_;
    }

  private:
    explicit Condition(moddb_if kind) : kind_(kind) {}

    moddb_if kind_ = MODDB_IF_ALWAYS;
    std::uint64_t version_ = 0;
    std::string_view value_;
    std::uint32_t tag_ = 0;
};

struct WriteOptions {
    Condition condition{};
    Milliseconds ttl{0};       // 0 is no expiry
    bool ephemeral = false;    // deleted with the session
    bool want_current = false; // return the current value if the condition fails
    std::uint32_t tag = 0;     // set by the application; set and swap
};

// The result of a conditional write: true if it was done.
struct WriteResult {
    bool done = false;
    std::uint64_t version = 0;          // the new one; if not done, the current one, 0 for none
    std::optional<std::string> current; // if not done, requested, and at most MODDB_INLINE_MAX

    explicit operator bool() const noexcept { return done; }
};

// The result of a swap or a take.
struct ExchangeResult : WriteResult {
    std::optional<std::string> previous; // the value that was replaced or deleted, if there was one
    std::uint64_t previous_version = 0;  // its version, 0 for none
};

struct CounterOptions {
    std::int64_t initial = 0;
    std::optional<std::int64_t> minimum{};
    std::optional<std::int64_t> maximum{};
    Milliseconds ttl{0};
    bool ephemeral = false;
    Condition condition{};
    bool ttl_if_new = false; // ttl is only for a new key; an existing one keeps its expiry
    std::uint32_t tag = 0;   // of a new key
};

// The result of a conditional increment: true if it was done.
struct CounterResult {
    bool done = false;
    std::int64_t number = 0;   // the sum
    std::uint64_t version = 0; // the new one; if not done, the current one, 0 for none

    explicit operator bool() const noexcept { return done; }
};

// Properties of an entry other than key and value.
struct Info {
    std::uint64_t version = 0;
    Time mtime{};
    std::optional<Milliseconds> ttl; // none: it does not expire
    std::uint32_t uid = 0;
    std::uint32_t pid = 0;
    bool ephemeral = false;
    std::uint32_t tag = 0;
};

struct Value {
    std::string value;
    Info info;
};

// A part of a value.
struct Part {
    std::string bytes;
    std::size_t value_length = 0; // of the whole value
    std::uint64_t version = 0;
};

// An entry of a listing or a snapshot; valid until the next one is read.
struct EntryView {
    std::string_view key;
    std::optional<std::string_view> value; // none if no values were requested
    Info info;
};

enum class Kind {
    set = MODDB_EVENT_SET,
    del = MODDB_EVENT_DEL,
    expired = MODDB_EVENT_EXPIRED,
    evicted = MODDB_EVENT_EVICTED,
    released = MODDB_EVENT_RELEASED,
    overrun = MODDB_EVENT_OVERRUN,
    sync = MODDB_EVENT_SYNC,
    ended = MODDB_EVENT_ENDED,
    cleared = MODDB_EVENT_CLEARED,
};

// A change; valid until the next one is read.
struct EventView {
    Kind kind = Kind::sync;
    bool initial = false;
    std::string_view key;
    std::optional<std::string_view> value; // set only; none if longer than MODDB_INLINE_MAX
    Info info;
};

namespace detail {

template <typename T, void (*close)(T *)>
struct Close {
    void operator()(T *handle) const noexcept { close(handle); }
};

// Owns an object of the C interface.
template <typename T, void (*close)(T *)>
class Handle {
  public:
    Handle() = default;
    explicit Handle(T *handle) noexcept : handle_(handle) {}

    void reset(T *handle) noexcept { handle_.reset(handle); }
    T *release()
    {
        get();
        return handle_.release();
    }
    T *peek() const noexcept { return handle_.get(); }
    T *get() const
    {
        if (!handle_)
            throw Error(-EINVAL, "the object was moved from");
        return handle_.get();
    }

  private:
    std::unique_ptr<T, Close<T, close>> handle_;
};

inline int check(int result, const moddb_handle *handle)
{
    if (result < 0)
        throw Error(result, handle ? moddb_error_text(handle) : "the object was moved from",
                    moddb_error_limit(handle));
    return result;
}

// A name for the C interface.
inline const char *name(const std::string &name)
{
    if (name.find('\0') != std::string::npos)
        throw Error(-EINVAL, "the name has a NUL byte");
    return name.c_str();
}

template <typename T>
Info info_of(const T &raw)
{
    Info info;
    info.version = raw.version;
    info.mtime = Time(std::chrono::nanoseconds(raw.mtime_ns));
    if (raw.ttl_ms)
        info.ttl = Milliseconds(raw.ttl_ms);
    info.uid = raw.uid;
    info.pid = raw.pid;
    info.ephemeral = raw.flags & MODDB_EPHEMERAL;
    info.tag = raw.tag;
    return info;
}

inline std::string_view view(const void *data, std::size_t length)
{
    return length ? std::string_view(static_cast<const char *>(data), length) : std::string_view();
}

inline std::uint64_t milliseconds(Milliseconds duration)
{
    if (duration.count() < 0)
        throw Error(-EINVAL, "a negative time to live");
    return static_cast<std::uint64_t>(duration.count());
}

// For the C interface, where -1 is no limit.
inline int timeout_ms(std::optional<Milliseconds> timeout) noexcept
{
    constexpr Milliseconds most(INT32_MAX);
    if (!timeout)
        return -1;
    if (timeout->count() < 0)
        return 0;
    return static_cast<int>((*timeout < most ? *timeout : most).count());
}

inline moddb_write_options raw(const WriteOptions &options)
{
    moddb_write_options result = MODDB_INIT(result);
    options.condition.apply(result);
    result.ttl_ms = milliseconds(options.ttl);
    result.flags = options.ephemeral ? MODDB_EPHEMERAL : 0;
    result.tag = options.tag;
    return result;
}

inline moddb_incr_options raw(const CounterOptions &options)
{
    moddb_incr_options result = MODDB_INIT(result);
    options.condition.apply(result);
    result.initial = options.initial;
    result.minimum = options.minimum.value_or(0);
    result.maximum = options.maximum.value_or(0);
    result.bounds =
        (options.minimum ? MODDB_BOUND_MINIMUM : 0) | (options.maximum ? MODDB_BOUND_MAXIMUM : 0);
    result.ttl_ms = milliseconds(options.ttl);
    result.flags =
        (options.ephemeral ? MODDB_EPHEMERAL : 0) | (options.ttl_if_new ? MODDB_TTL_IF_NEW : 0);
    result.tag = options.tag;
    return result;
}

// A range over anything whose next() returns an optional; each step invalidates the previous item.
template <typename Source, typename Item>
class Iterator {
  public:
    using iterator_category = std::input_iterator_tag;
    using value_type = Item;
    using difference_type = std::ptrdiff_t;
    using pointer = const Item *;
    using reference = const Item &;

    Iterator() = default;
    explicit Iterator(Source &source) : source_(&source), item_(source.next()) {}

    reference operator*() const { return *item_; }
    pointer operator->() const { return &*item_; }
    Iterator &operator++()
    {
        item_ = source_->next();
        return *this;
    }
    void operator++(int) { ++*this; }
    friend bool operator==(const Iterator &a, const Iterator &b)
    {
        return a.item_.has_value() == b.item_.has_value();
    }
    friend bool operator!=(const Iterator &a, const Iterator &b) { return !(a == b); }

  private:
    Source *source_ = nullptr;
    std::optional<Item> item_;
};

inline EntryView view_of(const moddb_entry &entry, bool with_value)
{
    EntryView result;
    result.key = view(entry.key, entry.key_length);
    if (with_value)
        result.value = view(entry.value, entry.value_length);
    result.info = info_of(entry);
    return result;
}

} // namespace detail

// A position in the order of a listing, from which another can continue; see moddb_list_cursor().
class Cursor {
  private:
    friend class List;
    Cursor() = default;
    moddb_cursor raw_ = MODDB_INIT(raw_);
};

struct ListOptions {
    std::string_view prefix{};
    std::uint64_t since = 0;
    bool values = true;
    bool info = false;             // without it only the version is known
    bool stream = false;           // keep only some entries in memory, and read the others later
    std::uint32_t limit = 0;       // maximum number of entries; 0 is all
    std::optional<Cursor> after{}; // only entries after this position, of an earlier listing
};

// A listing, to be read once: for (const moddb::EntryView &entry : database.list()) ...
class List {
  public:
    // Errors: moddb_list_open().
    List(moddb_handle *handle, const ListOptions &options)
        : handle_(handle), with_values_(options.values)
    {
        moddb_list_options raw = MODDB_INIT(raw);
        raw.prefix = options.prefix.data();
        raw.prefix_length = options.prefix.size();
        raw.since = options.since;
        raw.flags = (options.values ? MODDB_LIST_VALUES : 0) |
                    (options.info ? MODDB_LIST_INFO : 0) | (options.stream ? MODDB_LIST_STREAM : 0);
        raw.limit = options.limit;
        raw.after = options.after ? &options.after->raw_ : nullptr;
        moddb_list *list;
        detail::check(moddb_list_open(handle, &raw, &list), handle);
        list_.reset(list);
    }

    // Errors: moddb_list_next().
    std::optional<EntryView> next()
    {
        moddb_entry entry = MODDB_INIT(entry);
        if (detail::check(moddb_list_next(list_.get(), &entry), handle_) == 0)
            return std::nullopt;
        return detail::view_of(entry, with_values_);
    }

    // The position after the last entry that was read; none if there are no further entries.
    // Errors: moddb_list_cursor().
    std::optional<Cursor> cursor() const
    {
        Cursor cursor;
        if (detail::check(moddb_list_cursor(list_.get(), &cursor.raw_), handle_) == 0)
            return std::nullopt;
        return cursor;
    }

    std::uint64_t revision() const noexcept { return moddb_list_revision(list_.peek()); }
    std::size_t size() const noexcept { return moddb_list_count(list_.peek()); }
    auto begin() { return detail::Iterator<List, EntryView>(*this); }
    auto end() { return detail::Iterator<List, EntryView>(); }

  private:
    moddb_handle *handle_;
    bool with_values_;
    detail::Handle<moddb_list, moddb_list_close> list_;
};

// All entries as they were at one revision, in the order of their keys; to be read once.
class Snapshot {
  public:
    // Errors: moddb_snapshot_open().
    explicit Snapshot(moddb_handle *handle, std::string_view prefix = {}) : handle_(handle)
    {
        moddb_snapshot_options raw = MODDB_INIT(raw);
        raw.prefix = prefix.data();
        raw.prefix_length = prefix.size();
        moddb_snapshot *snapshot;
        detail::check(moddb_snapshot_open(handle, &raw, &snapshot), handle);
        snapshot_.reset(snapshot);
    }

    // Errors: moddb_snapshot_next().
    std::optional<EntryView> next()
    {
        moddb_entry entry = MODDB_INIT(entry);
        if (detail::check(moddb_snapshot_next(snapshot_.get(), &entry), handle_) == 0)
            return std::nullopt;
        return detail::view_of(entry, true);
    }

    std::uint64_t revision() const noexcept { return moddb_snapshot_revision(snapshot_.peek()); }
    std::size_t size() const noexcept { return moddb_snapshot_count(snapshot_.peek()); }
    auto begin() { return detail::Iterator<Snapshot, EntryView>(*this); }
    auto end() { return detail::Iterator<Snapshot, EntryView>(); }

  private:
    moddb_handle *handle_;
    detail::Handle<moddb_snapshot, moddb_snapshot_close> snapshot_;
};

// The result of one operation of a batch; valid until the batch is run, cleared or destroyed.
struct OperationResult {
    int status = 0; // 0 or a negative errno, as in moddb.h
    std::uint64_t version = 0;
    std::int64_t number = 0;
    std::optional<std::string_view> value;
    std::size_t value_length = 0;
    Info info;                          // get with info only
    const char *text = nullptr;         // message for the status, if it is not 0
    std::uint64_t previous_version = 0; // swap, take: of the entry that had the value

    explicit operator bool() const noexcept { return status == 0; }
};

// Operations that are sent together. Each function that adds one returns its index.
class Batch {
  public:
    // Errors: moddb_batch_new().
    explicit Batch(moddb_handle *handle) : handle_(handle)
    {
        moddb_batch *batch;
        detail::check(moddb_batch_new(handle, &batch), handle);
        batch_.reset(batch);
    }

    // Errors: moddb_batch_get().
    std::size_t get(std::string_view key, bool info = false)
    {
        return index(
            moddb_batch_get(batch_.get(), key.data(), key.size(), info ? MODDB_OP_INFO : 0));
    }
    // Errors: moddb_batch_set().
    std::size_t set(std::string_view key, std::string_view value, const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return index(moddb_batch_set(batch_.get(), key.data(), key.size(), value.data(),
                                     value.size(), &raw, flags(options)));
    }
    // Errors: moddb_batch_del().
    std::size_t del(std::string_view key, const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return index(moddb_batch_del(batch_.get(), key.data(), key.size(), &raw, flags(options)));
    }
    // Errors: moddb_batch_incr().
    std::size_t incr(std::string_view key, std::int64_t delta = 1,
                     const CounterOptions &options = {})
    {
        const moddb_incr_options raw = detail::raw(options);
        return index(moddb_batch_incr(batch_.get(), key.data(), key.size(), delta, &raw));
    }
    // Errors: moddb_batch_touch().
    std::size_t touch(std::string_view key, const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return index(moddb_batch_touch(batch_.get(), key.data(), key.size(), &raw, flags(options)));
    }
    // Errors: moddb_batch_swap().
    std::size_t swap(std::string_view key, std::string_view value, const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return index(moddb_batch_swap(batch_.get(), key.data(), key.size(), value.data(),
                                      value.size(), &raw, flags(options)));
    }
    // Errors: moddb_batch_take().
    std::size_t take(std::string_view key, const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return index(moddb_batch_take(batch_.get(), key.data(), key.size(), &raw, flags(options)));
    }
    // Errors: moddb_batch_check().
    std::size_t check(std::string_view key, const WriteOptions &options)
    {
        const moddb_write_options raw = detail::raw(options);
        return index(moddb_batch_check(batch_.get(), key.data(), key.size(), &raw, flags(options)));
    }

    // Runs the operations independently of each other.
    // Errors: moddb_batch_run().
    void run() { detail::check(moddb_batch_run(batch_.get()), handle_); }

    // Runs them as a transaction. True if done; false if a condition failed, that of operation
    // failed().
    // Errors: moddb_batch_commit().
    bool commit()
    {
        const int result = moddb_batch_commit(batch_.get(), &failed_);
        if (result == -ECANCELED && failed_ != SIZE_MAX)
            return false;
        detail::check(result, handle_);
        return true;
    }
    std::size_t failed() const noexcept { return failed_; }

    // Errors: moddb_batch_result().
    OperationResult result(std::size_t index) const
    {
        moddb_op_result raw = MODDB_INIT(raw);
        detail::check(moddb_batch_result(batch_.get(), index, &raw), handle_);
        OperationResult result;
        result.status = raw.status;
        result.version = raw.version;
        result.number = raw.number;
        if (raw.has_value)
            result.value = detail::view(raw.value, raw.value_length);
        result.value_length = raw.value_length;
        result.info = detail::info_of(raw);
        result.text = raw.text;
        result.previous_version = raw.previous_version;
        return result;
    }

    std::size_t size() const noexcept { return moddb_batch_count(batch_.peek()); }
    void clear() noexcept { moddb_batch_clear(batch_.peek()); }

  private:
    std::size_t index(int result) const
    {
        return static_cast<std::size_t>(detail::check(result, handle_));
    }
    static std::uint32_t flags(const WriteOptions &options) noexcept
    {
        return options.want_current ? MODDB_OP_CURRENT : 0;
    }

    moddb_handle *handle_;
    detail::Handle<moddb_batch, moddb_batch_free> batch_;
    std::size_t failed_ = SIZE_MAX;
};

// One key, or all keys under a prefix.
struct Pattern {
    std::string_view bytes{}; // not empty
    bool exact = false;       // a key, not a prefix
};

struct WatchOptions {
    std::string_view key{};          // key or prefix
    bool exact = false;              // key is one key, not a prefix
    std::vector<Pattern> patterns{}; // more of them, at most 64; none, and no key: all keys
    bool initial = false;            // begin with the current entries, then a sync event
    // Begin after the revision since, which may be in the past; Error ENODATA if the database's log
    // of changes does not reach back to it: list the entries since then instead.
    bool resume = false;
    std::uint64_t since = 0; // with initial: only entries with a greater version
};

// A watch; it does not need the Database that it was made from, and another thread may use it.
class Watch {
  public:
    // Errors: moddb_watch_open().
    Watch(moddb_handle *handle, const WatchOptions &options)
    {
        moddb_watch_options raw = MODDB_INIT(raw);
        std::vector<moddb_pattern> patterns;
        patterns.reserve(options.patterns.size());
        for (const Pattern &pattern : options.patterns)
            patterns.push_back({pattern.bytes.data(), pattern.bytes.size(),
                                pattern.exact ? MODDB_WATCH_KEY : 0, 0});
        raw.patterns = patterns.data();
        raw.pattern_count = static_cast<std::uint32_t>(patterns.size());
        raw.key = options.key.data();
        raw.key_length = options.key.size();
        raw.flags = (options.exact ? MODDB_WATCH_KEY : 0) |
                    (options.initial ? MODDB_WATCH_INITIAL : 0) |
                    (options.resume ? MODDB_WATCH_RESUME : 0);
        raw.since = options.since;
        moddb_watch *watch;
        detail::check(moddb_watch_open(handle, &raw, &watch), handle);
        watch_.reset(watch);
    }

    // Readable when an event arrives; poll it only after read(Milliseconds(0)) has returned none.
    int fd() const noexcept { return moddb_watch_fd(watch_.peek()); }

    // The next event, or none after the timeout. Error EINTR if a signal handler ran meanwhile.
    // Errors: moddb_watch_read().
    std::optional<EventView> read(Milliseconds timeout)
    {
        return read_within(detail::timeout_ms(timeout));
    }

    // The next event, however long it takes.
    // Errors: moddb_watch_read().
    EventView read() { return *read_within(-1); }

    // Errors: moddb_watch_sync().
    void sync() { check(moddb_watch_sync(watch_.get())); }
    std::uint64_t revision() const noexcept { return moddb_watch_revision(watch_.peek()); }

  private:
    int check(int result) const
    {
        if (result < 0)
            throw Error(result, moddb_watch_error_text(watch_.peek()));
        return result;
    }
    std::optional<EventView> read_within(int timeout_ms)
    {
        moddb_event raw = MODDB_INIT(raw);
        if (check(moddb_watch_read(watch_.get(), &raw, timeout_ms)) == 0)
            return std::nullopt;
        EventView event;
        event.kind = static_cast<Kind>(raw.kind);
        event.initial = raw.is_initial;
        event.key = detail::view(raw.key, raw.key_length);
        if (raw.has_value)
            event.value = detail::view(raw.value, raw.value_length);
        event.info = detail::info_of(raw);
        return event;
    }

    detail::Handle<moddb_watch, moddb_watch_close> watch_;
};

// One key that is read repeatedly.
class CachedKey {
  public:
    // Errors: moddb_cached_open().
    CachedKey(moddb_handle *handle, std::string_view key) : handle_(handle)
    {
        moddb_cached *cached;
        detail::check(moddb_cached_open(handle, key.data(), key.size(), &cached), handle);
        cached_.reset(cached);
    }

    // The value, which is valid until the next call; none if there is no such key.
    // Errors: moddb_cached_get().
    std::optional<std::string_view> get(std::uint64_t *version = nullptr)
    {
        const void *value;
        std::size_t length;
        const int result = moddb_cached_get(cached_.get(), &value, &length, version);
        if (result == -ENOENT)
            return std::nullopt;
        detail::check(result, handle_);
        return detail::view(value, length);
    }

  private:
    moddb_handle *handle_;
    detail::Handle<moddb_cached, moddb_cached_close> cached_;
};

// The condition that Database::wait() waits for; by default, that the key exists.
class Until {
  public:
    Until() = default;
    static Until present() { return {}; }
    static Until absent() { return Until(MODDB_UNTIL_ABSENT); }
    // A version other than this one; 0 is no entry.
    static Until changed(std::uint64_t version)
    {
        Until until(MODDB_UNTIL_CHANGED);
        until.version_ = version;
        return until;
    }
    // The bytes must stay valid until it has been used.
    static Until value(std::string_view value)
    {
        Until until(MODDB_UNTIL_VALUE);
        until.value_ = value;
        return until;
    }

    moddb_wait_options raw() const noexcept
    {
        moddb_wait_options result = MODDB_INIT(result);
        result.until = static_cast<std::uint32_t>(kind_);
        result.version = version_;
        result.value = value_.data();
        result.value_length = value_.size();
        return result;
    }

  private:
    explicit Until(moddb_until kind) : kind_(kind) {}

    moddb_until kind_ = MODDB_UNTIL_PRESENT;
    std::uint64_t version_ = 0;
    std::string_view value_;
};

struct LockOptions {
    std::string_view value{}; // identifies the holder to others
    Milliseconds ttl{0};      // the lock is lost after this time; 0 is never
};

// A lock that is held, and is released when the object is destroyed.
class Lock {
  public:
    // Takes ownership of a lock of the handle.
    Lock(moddb_handle *handle, struct moddb_held_lock *lock) noexcept : handle_(handle), lock_(lock)
    {
    }

    std::uint64_t fence() const noexcept { return moddb_lock_fence(lock_.peek()); }

    // Whether it is still held. Errors: moddb_lock_check().
    bool held()
    {
        const int result = moddb_lock_check(lock_.get());
        if (result == -ECANCELED)
            return false;
        detail::check(result, handle_);
        return true;
    }

    // Readable when the lock may be lost: call held() then. Afterwards it may be another
    // descriptor.
    // Errors: moddb_lock_fd().
    int fd() { return detail::check(moddb_lock_fd(lock_.get()), handle_); }

    // Releases it; false if it was lost before. Afterwards the object is like one that was moved
    // from.
    // Errors: moddb_unlock().
    bool unlock()
    {
        const int result = moddb_unlock(lock_.release());
        if (result == -ECANCELED)
            return false;
        detail::check(result, handle_);
        return true;
    }

  private:
    static void release(struct moddb_held_lock *lock) noexcept { moddb_unlock(lock); }

    moddb_handle *handle_;
    detail::Handle<struct moddb_held_lock, release> lock_;
};

// Settings of a database; those that are not given do not change.
struct DatabaseOptions {
    std::optional<std::uint32_t> owner{};
    std::optional<std::uint32_t> group{};
    std::optional<std::uint32_t> mode{};
    std::optional<std::uint64_t> max_bytes{};
    std::optional<std::uint64_t> max_keys{};
    std::optional<bool> evict{};
    std::optional<bool> shared{};
    std::optional<bool> sealed{};
    std::optional<bool> ephemeral{}; // create only: deleted with the session
};

// An open database and a session.
class Database {
  public:
    // Errors: moddb_open().
    explicit Database(const std::string &name = "default",
                      Transport transport = Transport::automatic,
                      Milliseconds timeout = Milliseconds(0), std::uint32_t rights = 0)
    {
        moddb_options options = MODDB_INIT(options);
        options.rights = rights; // MODDB_OPEN_*; 0 is all that the caller has
        options.transport = static_cast<std::uint32_t>(transport);
        options.timeout_ms = static_cast<std::uint32_t>(timeout.count());
        moddb_handle *handle;
        char text[256];
        options.error_text = text;
        options.error_text_size = sizeof(text);
        const int result = moddb_open(detail::name(name), &options, &handle);
        if (result < 0)
            throw Error(result, text);
        handle_.reset(handle);
    }

    // The handle of the C interface, which this object owns.
    moddb_handle *handle() const noexcept { return handle_.peek(); }
    std::string name() const { return moddb_database(handle()); }
    Transport transport() const noexcept
    {
        return static_cast<Transport>(moddb_transport(handle()));
    }
    int fd() const noexcept { return moddb_fd(handle()); }

    // How many of its ephemeral entries were lost. Errors: moddb_lost().
    std::uint64_t lost()
    {
        std::uint64_t number;
        detail::check(moddb_lost(handle(), &number), handle());
        return number;
    }

    // Readable after a further loss, until lost() is called. Errors: moddb_lost_fd().
    int lost_fd() { return detail::check(moddb_lost_fd(handle()), handle()); }

    // Errors: moddb_get_alloc().
    std::optional<std::string> get(std::string_view key)
    {
        std::optional<Value> found = find(key, nullptr);
        if (!found)
            return std::nullopt;
        return std::move(found->value);
    }

    // The part of a value that begins at offset and has at most length bytes; none if there is no
    // such key. If version is not 0, the entry must have it; Error ECANCELED.
    // Errors: moddb_get_part().
    std::optional<Part> get_part(std::string_view key, std::size_t offset, std::size_t length,
                                 std::uint64_t version = 0)
    {
        Part part;
        part.version = version;
        part.bytes.resize(length);
        const int result =
            moddb_get_part(handle(), key.data(), key.size(), offset, part.bytes.data(), &length,
                           &part.value_length, &part.version);
        if (result == -ENOENT)
            return std::nullopt;
        detail::check(result, handle());
        part.bytes.resize(length);
        return part;
    }

    // Errors: moddb_get_alloc().
    std::optional<Value> get_with_info(std::string_view key)
    {
        moddb_info info = MODDB_INIT(info);
        return find(key, &info);
    }

    // Reads entries, each like get(), not all at one instant. keys is a range whose elements
    // convert to std::string_view and stay valid during the call.
    // Errors: moddb_get_many() and moddb_get_alloc().
    template <typename Keys>
    std::vector<std::optional<std::string>> get_many(const Keys &keys)
    {
        constexpr std::size_t usual = 256; // bytes of a value
        std::vector<moddb_read> reads;
        for (const std::string_view key : keys) {
            moddb_read read = MODDB_INIT(read);
            read.key = key.data();
            read.key_length = key.size();
            reads.push_back(read);
        }
        std::vector<char> values(reads.size() * usual);
        for (std::size_t i = 0; i < reads.size(); ++i) {
            reads[i].value = &values[i * usual];
            reads[i].value_size = usual;
        }
        detail::check(moddb_get_many(handle(), reads.data(), reads.size()), handle());
        std::vector<std::optional<std::string>> result;
        result.reserve(reads.size());
        for (const moddb_read &read : reads) {
            const std::string_view key(static_cast<const char *>(read.key), read.key_length);
            if (read.status == 0)
                result.emplace_back(std::in_place, static_cast<char *>(read.value),
                                    read.value_length);
            else // An invalid key throws its error, and a longer value is read alone.
                result.push_back(read.status == -ENOENT ? std::nullopt : get(key));
        }
        return result;
    }

    // Reads into the caller's buffer without allocating; returns the length of the value. Error
    // EMSGSIZE if it is longer than the buffer.
    // Errors: moddb_get().
    std::optional<std::size_t> read(std::string_view key, char *buffer, std::size_t size,
                                    Info *info = nullptr)
    {
        moddb_info raw = MODDB_INIT(raw);
        const int result =
            moddb_get(handle(), key.data(), key.size(), buffer, &size, info ? &raw : nullptr);
        if (result == -ENOENT)
            return std::nullopt;
        detail::check(result, handle());
        if (info)
            *info = detail::info_of(raw);
        return size;
    }

    // Returns the new version.
    // Errors: moddb_set().
    std::uint64_t set(std::string_view key, std::string_view value)
    {
        moddb_write_result result = MODDB_INIT(result);
        detail::check(moddb_set(handle(), key.data(), key.size(), value.data(), value.size(),
                                nullptr, &result),
                      handle());
        return result.version;
    }

    // Errors: moddb_set().
    WriteResult set(std::string_view key, std::string_view value, const WriteOptions &options)
    {
        const moddb_write_options raw = detail::raw(options);
        return write(options, [&](moddb_write_result &result) {
            return moddb_set(handle(), key.data(), key.size(), value.data(), value.size(), &raw,
                             &result);
        });
    }

    // Returns whether the key existed.
    // Errors: moddb_del().
    bool del(std::string_view key)
    {
        const int result = moddb_del(handle(), key.data(), key.size(), nullptr, nullptr);
        if (result == -ENOENT)
            return false;
        detail::check(result, handle());
        return true;
    }

    // Not done if the condition fails or the key does not exist.
    // Errors: moddb_del().
    WriteResult del(std::string_view key, const WriteOptions &options)
    {
        const moddb_write_options raw = detail::raw(options);
        return write(options, [&](moddb_write_result &result) {
            const int status = moddb_del(handle(), key.data(), key.size(), &raw, &result);
            return status == -ENOENT ? -ECANCELED : status;
        });
    }

    // Writes like set(), and returns the value that was replaced.
    // Errors: moddb_swap().
    ExchangeResult swap(std::string_view key, std::string_view value,
                        const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return exchange(options, [&](moddb_write_result &result, moddb_previous &previous) {
            return moddb_swap(handle(), key.data(), key.size(), value.data(), value.size(), &raw,
                              &result, &previous);
        });
    }

    // Deletes like del(), and returns the value that was deleted.
    // Errors: moddb_take().
    ExchangeResult take(std::string_view key, const WriteOptions &options = {})
    {
        const moddb_write_options raw = detail::raw(options);
        return exchange(options, [&](moddb_write_result &result, moddb_previous &previous) {
            const int status =
                moddb_take(handle(), key.data(), key.size(), &raw, &result, &previous);
            return status == -ENOENT ? -ECANCELED : status;
        });
    }

    // Deletes the entries whose keys begin with the prefix; returns their number. On an Error some
    // may have been deleted; on EPERM, all but those of other users that the sticky bit protects.
    // Errors: moddb_del_prefix().
    std::uint64_t del_prefix(std::string_view prefix)
    {
        std::uint64_t deleted = 0;
        detail::check(moddb_del_prefix(handle(), prefix.data(), prefix.size(), &deleted), handle());
        return deleted;
    }

    // Sets the time to live, from now on; 0 is no expiry. Returns whether the key existed.
    // Errors: moddb_touch().
    bool touch(std::string_view key, Milliseconds ttl = Milliseconds(0))
    {
        WriteOptions options;
        options.ttl = ttl;
        const moddb_write_options raw = detail::raw(options);
        const int result = moddb_touch(handle(), key.data(), key.size(), &raw, nullptr);
        if (result == -ENOENT)
            return false;
        detail::check(result, handle());
        return true;
    }

    // Not done if the condition fails or the key does not exist.
    // Errors: moddb_touch().
    WriteResult touch(std::string_view key, const WriteOptions &options)
    {
        const moddb_write_options raw = detail::raw(options);
        return write(options, [&](moddb_write_result &result) {
            const int status = moddb_touch(handle(), key.data(), key.size(), &raw, &result);
            return status == -ENOENT ? -ECANCELED : status;
        });
    }

    // Returns the sum. Error ECANCELED if the condition fails.
    // Errors: moddb_incr().
    std::int64_t incr(std::string_view key, std::int64_t delta = 1,
                      const CounterOptions &options = {})
    {
        const moddb_incr_options raw = detail::raw(options);
        std::int64_t number = 0;
        detail::check(moddb_incr(handle(), key.data(), key.size(), delta, &raw, &number, nullptr),
                      handle());
        return number;
    }

    // Not done if the condition fails.
    // Errors: moddb_incr().
    CounterResult try_incr(std::string_view key, std::int64_t delta, const CounterOptions &options)
    {
        const moddb_incr_options raw = detail::raw(options);
        CounterResult result;
        const int status = moddb_incr(handle(), key.data(), key.size(), delta, &raw, &result.number,
                                      &result.version);
        result.done = status == 0;
        if (status != -ECANCELED)
            detail::check(status, handle());
        return result;
    }

    // Errors: moddb_list_open().
    List list(const ListOptions &options = {}) & { return List(handle(), options); }
    List list(const ListOptions &options = {}) && = delete;
    // Errors: moddb_snapshot_open().
    Snapshot snapshot(std::string_view prefix = {}) & { return Snapshot(handle(), prefix); }
    Snapshot snapshot(std::string_view prefix = {}) && = delete;
    // Errors: moddb_batch_new().
    Batch batch() & { return Batch(handle()); }
    Batch batch() && = delete;
    // Errors: moddb_cached_open().
    CachedKey cached(std::string_view key) & { return CachedKey(handle(), key); }
    CachedKey cached(std::string_view key) && = delete;
    // Errors: moddb_watch_open().
    Watch watch(const WatchOptions &options = {}) { return Watch(handle(), options); }

    // Waits until the condition holds, for at most the timeout; without one, without limit. Returns
    // the version with which it held, 0 for no entry; none after the timeout.
    // Errors: moddb_wait().
    std::optional<std::uint64_t> wait(std::string_view key, const Until &until = {},
                                      std::optional<Milliseconds> timeout = {})
    {
        const moddb_wait_options raw = until.raw();
        std::uint64_t version = 0;
        const int result = moddb_wait(handle(), key.data(), key.size(), &raw,
                                      detail::timeout_ms(timeout), &version);
        if (detail::check(result, handle()) == 0)
            return std::nullopt;
        return version;
    }

    // Acquires a lock; none if another session holds it. Errors: moddb_lock().
    std::optional<Lock> lock(std::string_view key, const LockOptions &options = {}) &
    {
        return lock_wait(key, Milliseconds(0), options);
    }
    std::optional<Lock> lock(std::string_view key, const LockOptions &options = {}) && = delete;

    // Waits for it, for at most the timeout; without one, without limit. Errors: moddb_lock_wait().
    std::optional<Lock> lock_wait(std::string_view key, std::optional<Milliseconds> timeout = {},
                                  const LockOptions &options = {}) &
    {
        moddb_lock_options raw = MODDB_INIT(raw);
        raw.value = options.value.data();
        raw.value_length = options.value.size();
        raw.ttl_ms = detail::milliseconds(options.ttl);
        struct moddb_held_lock *lock;
        const int result = moddb_lock_wait(handle(), key.data(), key.size(), &raw,
                                           detail::timeout_ms(timeout), &lock);
        if (result == -ECANCELED)
            return std::nullopt;
        detail::check(result, handle());
        return Lock(handle(), lock);
    }
    std::optional<Lock> lock_wait(std::string_view key, std::optional<Milliseconds> timeout = {},
                                  const LockOptions &options = {}) && = delete;

    // The functions below work on databases of any name.
    // Errors: moddb_database_get().
    moddb_database_info database(const std::string &name)
    {
        moddb_database_info info = MODDB_INIT(info);
        detail::check(moddb_database_get(handle(), detail::name(name), &info), handle());
        return info;
    }
    // Errors: moddb_databases_open().
    std::vector<moddb_database_info> databases()
    {
        moddb_databases *raw;
        detail::check(moddb_databases_open(handle(), &raw), handle());
        const detail::Handle<moddb_databases, moddb_databases_close> list(raw);
        std::vector<moddb_database_info> result;
        for (;;) {
            moddb_database_info info = MODDB_INIT(info);
            if (detail::check(moddb_databases_next(list.get(), &info), handle()) == 0)
                return result;
            result.push_back(info);
        }
    }
    // Errors: moddb_database_create().
    void create(const std::string &name, const DatabaseOptions &options = {})
    {
        const moddb_database_options raw = settings(options);
        detail::check(moddb_database_create(handle(), detail::name(name), &raw), handle());
    }
    // Errors: moddb_database_alter().
    void alter(const std::string &name, const DatabaseOptions &options)
    {
        const moddb_database_options raw = settings(options);
        detail::check(moddb_database_alter(handle(), detail::name(name), &raw), handle());
    }
    // Errors: moddb_database_delete().
    void remove(const std::string &name)
    {
        detail::check(moddb_database_delete(handle(), detail::name(name)), handle());
    }
    // Errors: moddb_database_clear().
    void clear(const std::string &name)
    {
        detail::check(moddb_database_clear(handle(), detail::name(name)), handle());
    }
    // Errors: moddb_database_seal().
    void seal(const std::string &name)
    {
        detail::check(moddb_database_seal(handle(), detail::name(name)), handle());
    }
    // Replaces first by second, for all pairs atomically.
    // Errors: moddb_database_replace().
    void replace(const std::vector<std::pair<std::string, std::string>> &pairs)
    {
        std::vector<const char *> names, sources;
        for (const auto &[name, source] : pairs) {
            names.push_back(detail::name(name));
            sources.push_back(detail::name(source));
        }
        detail::check(moddb_database_replace(handle(), names.data(), sources.data(), pairs.size()),
                      handle());
    }
    // Errors: moddb_module().
    struct moddb_module_info module_info()
    {
        struct moddb_module_info result = MODDB_INIT(result);
        detail::check(moddb_module(handle(), &result), handle());
        return result;
    }
    // Errors: moddb_module_stat().
    struct moddb_stat stat()
    {
        struct moddb_stat result = MODDB_INIT(result);
        detail::check(moddb_module_stat(handle(), &result), handle());
        return result;
    }

  private:
    std::optional<Value> find(std::string_view key, moddb_info *info)
    {
        void *memory;
        std::size_t length;
        const int result =
            moddb_get_alloc(handle(), key.data(), key.size(), &memory, &length, info);
        if (result == -ENOENT)
            return std::nullopt;
        detail::check(result, handle());
        const std::unique_ptr<void, decltype(&moddb_free)> owner(memory, moddb_free);
        Value value{std::string(static_cast<const char *>(memory), length), {}};
        if (info)
            value.info = detail::info_of(*info);
        return value;
    }

    template <typename Call>
    WriteResult write(const WriteOptions &options, Call &&call)
    {
        std::string current(options.want_current ? MODDB_INLINE_MAX : 0, '\0');
        moddb_write_result raw = MODDB_INIT(raw);
        raw.current = options.want_current ? current.data() : nullptr;
        raw.current_size = current.size();
        const int status = call(raw);
        WriteResult result;
        result.done = status == 0;
        result.version = raw.version;
        if (status != -ECANCELED)
            detail::check(status, handle());
        if (raw.has_current) {
            current.resize(raw.current_length);
            result.current = std::move(current);
        }
        return result;
    }

    template <typename Call>
    ExchangeResult exchange(const WriteOptions &options, Call &&call)
    {
        std::string value(4096, '\0');
        moddb_previous raw = MODDB_INIT(raw);
        ExchangeResult result;
        static_cast<WriteResult &>(result) = write(options, [&](moddb_write_result &written) {
            for (;;) {
                raw.value = value.data();
                raw.value_size = value.size();
                const int status = call(written, raw);
                if (status != -EMSGSIZE || raw.value_length <= value.size())
                    return status;
                value.resize(raw.value_length); // nothing was done
            }
        });
        result.previous_version = raw.version;
        if (result.done && raw.version) {
            value.resize(raw.value_length);
            result.previous = std::move(value);
        }
        return result;
    }

    static moddb_database_options settings(const DatabaseOptions &options)
    {
        moddb_database_options raw = MODDB_INIT(raw);
        const auto take = [&raw](const auto &from, auto &to, std::uint32_t field) {
            if (!from)
                return;
            to = *from;
            raw.fields |= field;
        };
        take(options.owner, raw.owner, MODDB_DATABASE_OWNER);
        take(options.group, raw.group, MODDB_DATABASE_GROUP);
        take(options.mode, raw.mode, MODDB_DATABASE_MODE);
        take(options.max_bytes, raw.max_bytes, MODDB_DATABASE_MAX_BYTES);
        take(options.max_keys, raw.max_keys, MODDB_DATABASE_MAX_KEYS);
        take(options.evict, raw.evict, MODDB_DATABASE_EVICT);
        take(options.shared, raw.shared, MODDB_DATABASE_SHARED);
        take(options.sealed, raw.sealed, MODDB_DATABASE_SEALED);
        take(options.ephemeral, raw.ephemeral, MODDB_DATABASE_EPHEMERAL);
        return raw;
    }

    detail::Handle<struct moddb_handle, moddb_close> handle_;
};

} // namespace abi0

} // namespace moddb

#endif
