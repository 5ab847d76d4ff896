// SPDX-License-Identifier: MIT
//
// Shorthands for the tests of the promises, over the C interface. They hide no error: a failure is
// returned as its number or as "(errno N)".
#pragma once

#include "fixture.h"

#include <ctime>
#include <map>
#include <poll.h>
#include <unistd.h>
#include <vector>

inline moddb_write_options when(moddb_if condition, uint64_t version = 0,
                                std::string_view value = {})
{
    moddb_write_options options = MODDB_INIT(options);
    options.condition = condition;
    options.if_version = version;
    options.if_value = value.data();
    options.if_value_length = value.size();
    return options;
}

inline moddb_write_options ephemeral()
{
    moddb_write_options options = MODDB_INIT(options);
    options.flags = MODDB_EPHEMERAL;
    return options;
}

inline moddb_write_options for_ms(uint64_t ttl_ms)
{
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = ttl_ms;
    return options;
}

inline int set(moddb_handle *handle, std::string_view key, std::string_view value,
               const moddb_write_options &options)
{
    return set(handle, key, value, &options, nullptr);
}

inline int incr(moddb_handle *handle, std::string_view key, int64_t delta,
                int64_t *number = nullptr, const moddb_incr_options *options = nullptr)
{
    return moddb_incr(handle, key.data(), key.size(), delta, options, number, nullptr);
}

inline int touch(moddb_handle *handle, std::string_view key, const moddb_write_options *options,
                 moddb_write_result *result = nullptr)
{
    return moddb_touch(handle, key.data(), key.size(), options, result);
}

inline moddb_info info_of(moddb_handle *handle, std::string_view key)
{
    moddb_info info = MODDB_INIT(info);
    get(handle, key, &info);
    return info;
}

inline moddb_database_info database(moddb_handle *handle, const char *name = nullptr)
{
    moddb_database_info info = MODDB_INIT(info);
    REQUIRE_MESSAGE(moddb_database_get(handle, name, &info) == 0, moddb_error_text(handle));
    return info;
}

inline struct moddb_stat module_stat(moddb_handle *handle)
{
    struct moddb_stat stat = MODDB_INIT(stat);
    REQUIRE(moddb_module_stat(handle, &stat) == 0);
    return stat;
}

// Polls until something holds, for as long as a busy guest may need.
template <typename F>
bool eventually(F &&holds, int seconds = 20)
{
    for (int i = 0; i < seconds * 200; ++i) {
        if (holds())
            return true;
        usleep(5'000);
    }
    return holds();
}

inline uint64_t boot_time_ns()
{
    timespec now;
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// Entries by key, each with value and version.
struct Seen {
    std::string value;
    uint64_t version;
    bool operator==(const Seen &) const = default;
};
using Contents = std::map<std::string, Seen>;

// All entries. The test fails if a key comes twice.
inline Contents listing(moddb_handle *handle, std::string_view prefix = {}, uint64_t since = 0,
                        uint64_t *revision = nullptr)
{
    moddb_list_options options = MODDB_INIT(options);
    options.prefix = prefix.data();
    options.prefix_length = prefix.size();
    options.since = since;
    options.flags = MODDB_LIST_VALUES;
    moddb_list *list = nullptr;
    REQUIRE_MESSAGE(moddb_list_open(handle, &options, &list) == 0, moddb_error_text(handle));
    Contents contents;
    moddb_entry entry = MODDB_INIT(entry);
    int more;
    while ((more = moddb_list_next(list, &entry)) == 1) {
        const std::string key(static_cast<const char *>(entry.key), entry.key_length);
        const std::string value(static_cast<const char *>(entry.value), entry.value_length);
        REQUIRE_MESSAGE(contents.emplace(key, Seen{value, entry.version}).second, key << " twice");
    }
    REQUIRE(more == 0);
    if (revision)
        *revision = moddb_list_revision(list);
    moddb_list_close(list);
    return contents;
}

inline Contents snapshot(moddb_handle *handle, uint64_t *revision = nullptr)
{
    moddb_snapshot *taken = nullptr;
    REQUIRE_MESSAGE(moddb_snapshot_open(handle, nullptr, &taken) == 0, moddb_error_text(handle));
    Contents contents;
    moddb_entry entry = MODDB_INIT(entry);
    while (moddb_snapshot_next(taken, &entry) == 1)
        contents.emplace(
            std::string(static_cast<const char *>(entry.key), entry.key_length),
            Seen{{static_cast<const char *>(entry.value), entry.value_length}, entry.version});
    if (revision)
        *revision = moddb_snapshot_revision(taken);
    moddb_snapshot_close(taken);
    return contents;
}

// A handle that does not clear the database.
struct Session {
    explicit Session(const char *name = nullptr,
                     enum moddb_transport transport = MODDB_TRANSPORT_AUTO)
    {
        moddb_options options = MODDB_INIT(options);
        options.transport = transport;
        status = moddb_open(name, &options, &handle);
        text = status ? moddb_error_text(nullptr) : "";
    }
    ~Session() { close(); }
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;
    operator moddb_handle *() const { return handle; }
    void close()
    {
        moddb_close(handle);
        handle = nullptr;
    }

    moddb_handle *handle = nullptr;
    int status;
    std::string text;
};

// A database for one test, deleted at its end.
struct Database {
    explicit Database(const char *name,
                      moddb_database_options options = moddb_sized<moddb_database_options>())
        : name(name)
    {
        REQUIRE_MESSAGE(moddb_database_create(keeper, name, &options) == 0,
                        moddb_error_text(keeper));
    }
    ~Database() { moddb_database_delete(keeper, name); }
    Database(const Database &) = delete;
    Database &operator=(const Database &) = delete;

    int alter(uint32_t field, uint64_t value) const
    {
        moddb_database_options options = MODDB_INIT(options);
        options.fields = field;
        options.owner = options.group = options.mode = static_cast<uint32_t>(value);
        options.max_bytes = options.max_keys = value;
        options.evict = options.shared = options.sealed = static_cast<uint32_t>(value);
        return moddb_database_alter(keeper, name, &options);
    }

    Session keeper;
    const char *name;
};

// The mode of "default", changed for the duration of a test.
struct DefaultMode {
    explicit DefaultMode(uint32_t mode) : before(database(keeper).mode) { change(mode); }
    ~DefaultMode() { change(before); }
    DefaultMode(const DefaultMode &) = delete;
    DefaultMode &operator=(const DefaultMode &) = delete;

    void change(uint32_t mode) const
    {
        moddb_database_options options = MODDB_INIT(options);
        options.fields = MODDB_DATABASE_MODE;
        options.mode = mode;
        REQUIRE(moddb_database_alter(keeper, nullptr, &options) == 0);
    }

    Session keeper;
    uint32_t before;
};

// A parameter of the module, changed for the duration of a test.
struct Parameter {
    Parameter(const char *name, const std::string &value)
        : path(std::string("/sys/module/moddb/parameters/") + name), before(read())
    {
        write(value);
    }
    ~Parameter() { write(before); }
    Parameter(const Parameter &) = delete;
    Parameter &operator=(const Parameter &) = delete;

    std::string read() const
    {
        char text[64] = "";
        FILE *file = std::fopen(path.c_str(), "r");
        REQUIRE_MESSAGE(file != nullptr, path);
        REQUIRE(std::fgets(text, sizeof text, file) != nullptr);
        std::fclose(file);
        return text;
    }
    void write(const std::string &value) const
    {
        FILE *file = std::fopen(path.c_str(), "w");
        REQUIRE(file != nullptr);
        std::fputs(value.c_str(), file);
        REQUIRE(std::fclose(file) == 0);
    }

    std::string path;
    std::string before;
};

// While this exists, new event logs have the least size, so that a watch that does not read falls
// behind soon.
struct LeastLog : Parameter {
    LeastLog() : Parameter("watch_log_bytes", "262144") {}
};

// A watch, whose events are read as plain values.
struct Event {
    int status = 0; // 1 for an event, 0 for none in time, or a negative errno
    uint32_t kind = ~0u;
    std::string key, value;
    uint64_t version = 0;
    bool is_initial = false;
    uint32_t uid = 0, pid = 0, tag = 0;
};

struct Watcher {
    explicit Watcher(moddb_handle *handle, std::string_view key = {}, uint32_t flags = 0,
                     uint64_t since = 0)
    {
        moddb_watch_options options = MODDB_INIT(options);
        options.key = key.data();
        options.key_length = key.size();
        options.flags = flags;
        options.since = since;
        status = moddb_watch_open(handle, &options, &watch);
    }
    Watcher(moddb_handle *handle, const moddb_watch_options &options)
        : status(moddb_watch_open(handle, &options, &watch))
    {
    }
    ~Watcher() { moddb_watch_close(watch); }
    Watcher(const Watcher &) = delete;
    Watcher &operator=(const Watcher &) = delete;

    Event next(int timeout_ms = 10'000)
    {
        moddb_event event = MODDB_INIT(event);
        Event seen;
        seen.status = moddb_watch_read(watch, &event, timeout_ms);
        if (seen.status != 1)
            return seen;
        seen.kind = event.kind;
        if (event.key)
            seen.key.assign(static_cast<const char *>(event.key), event.key_length);
        if (event.has_value)
            seen.value.assign(static_cast<const char *>(event.value), event.value_length);
        seen.version = event.version;
        seen.is_initial = event.is_initial;
        seen.uid = event.uid;
        seen.pid = event.pid;
        seen.tag = event.tag;
        return seen;
    }

    moddb_watch *watch = nullptr;
    int status;
};
