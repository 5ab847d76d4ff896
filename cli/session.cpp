// SPDX-License-Identifier: MIT
//
// Calls the library and throws its failures as exceptions.

#include "session.hpp"

#include "text/escape.hpp"

#include <algorithm>
#include <cerrno>
#include <fmt/core.h>

namespace cli {

namespace {

std::string with_subject(std::string_view subject, std::string_view text)
{
    return subject.empty() ? std::string(text) : fmt::format("{}: {}", quote(subject), text);
}

// The remedy for a limit, by the name that the message has for it.
std::string_view fix_of(std::string_view text)
{
    if (text.find("(max-keys)") != std::string_view::npos)
        return "; 'moddb db set --max-keys N' changes it";
    if (text.find("(max-bytes)") != std::string_view::npos)
        return "; 'moddb db set --max-bytes SIZE' changes it";
    if (text.find("(max_") != std::string_view::npos)
        return "; an administrator can change it in /sys/module/moddb/parameters";
    return "";
}

std::string_view bytes_of(const void *data, std::size_t length)
{
    return {static_cast<const char *>(data), data == nullptr ? 0 : length};
}

} // namespace

enum moddb_transport parse_transport(const std::string &name)
{
    if (name.empty() || name == "auto")
        return MODDB_TRANSPORT_AUTO;
    if (name == "netlink")
        return MODDB_TRANSPORT_NETLINK;
    if (name == "device")
        return MODDB_TRANSPORT_DEVICE;
    throw UsageError(fmt::format("transport: {} is not auto, netlink or device", excerpt(name)));
}

Session::Session(const Globals &globals) : Session(globals, globals.database) {}

Session::Session(const Globals &globals, const std::string &database)
    : Session(globals.transport, database)
{
}

Session::Session(const std::string &transport, const std::string &database)
{
    moddb_options options = MODDB_INIT(options);
    options.transport = parse_transport(transport);

    moddb_handle *handle = nullptr;
    const int result = moddb_open(database.empty() ? nullptr : database.c_str(), &options, &handle);
    handle_.reset(handle);
    if (result < 0)
        throw Failure::of(-result, with_subject(database, moddb_error_text(nullptr)));
}

int Session::check(int result, std::string_view subject) const
{
    if (result < 0)
        throw Failure::of(-result,
                          failure_text(subject).append(fix_of(moddb_error_text(handle()))));
    return result;
}

std::string Session::failure_text(std::string_view subject) const
{
    return with_subject(subject, moddb_error_text(handle()));
}

std::optional<Session::Value> Session::get(std::string_view key) const
{
    moddb_info info = MODDB_INIT(info);
    void *memory = nullptr;
    std::size_t length = 0;
    const int result = moddb_get_alloc(handle(), key.data(), key.size(), &memory, &length, &info);
    const std::unique_ptr<void, Release<moddb_free>> owner(memory);
    if (result == -ENOENT)
        return std::nullopt;
    check(result, key);
    return Value{std::string(bytes_of(memory, length)), info};
}

std::optional<std::string> Session::get_part(std::string_view key, std::size_t offset,
                                             std::size_t length) const
{
    std::string part(std::min<std::size_t>(length, MODDB_VALUE_MAX), '\0');
    length = part.size();
    const int result = moddb_get_part(handle(), key.data(), key.size(), offset, part.data(),
                                      &length, nullptr, nullptr);
    if (result == -ENOENT)
        return std::nullopt;
    check(result, key);
    part.resize(length);
    return part;
}

List Session::list(const moddb_list_options &options) const
{
    moddb_list *list = nullptr;
    check(moddb_list_open(handle(), &options, &list));
    return List(list);
}

Snapshot Session::snapshot(std::string_view prefix) const
{
    moddb_snapshot_options options = MODDB_INIT(options);
    options.prefix = prefix.data();
    options.prefix_length = prefix.size();
    moddb_snapshot *snapshot = nullptr;
    check(moddb_snapshot_open(handle(), &options, &snapshot));
    return Snapshot(snapshot);
}

Watch Session::watch(const moddb_watch_options &options) const
{
    moddb_watch *watch = nullptr;
    check(moddb_watch_open(handle(), &options, &watch));
    return Watch(watch);
}

Batch Session::batch() const
{
    moddb_batch *batch = nullptr;
    check(moddb_batch_new(handle(), &batch));
    return Batch(batch);
}

Databases Session::databases() const
{
    moddb_databases *databases = nullptr;
    check(moddb_databases_open(handle(), &databases));
    return Databases(databases);
}

moddb_database_info Session::database_info() const
{
    moddb_database_info info = MODDB_INIT(info);
    check(moddb_database_get(handle(), nullptr, &info));
    return info;
}

moddb_stat Session::module_stat() const
{
    moddb_stat stat = MODDB_INIT(stat);
    check(moddb_module_stat(handle(), &stat));
    return stat;
}

std::string_view key_of(const moddb_entry &entry)
{
    return bytes_of(entry.key, entry.key_length);
}

std::string_view value_of(const moddb_entry &entry)
{
    return bytes_of(entry.value, entry.value_length);
}

std::string_view key_of(const moddb_event &event)
{
    return bytes_of(event.key, event.key_length);
}

std::string_view value_of(const moddb_event &event)
{
    return bytes_of(event.value, event.value_length);
}

std::string_view value_of(const moddb_op_result &result)
{
    return bytes_of(result.value, result.value_length);
}

moddb_op_result result_of(const Session &session, const moddb_batch *batch, std::size_t index)
{
    moddb_op_result result = MODDB_INIT(result);
    session.check(moddb_batch_result(batch, index, &result));
    return result;
}

} // namespace cli
