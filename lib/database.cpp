// SPDX-License-Identifier: MIT
//
// Databases and their counters.
#include "handle.h"
#include "structs.h"

#include <algorithm>
#include <functional>
#include <map>
#include <string>
#include <vector>

using namespace moddb_internal;

struct moddb_databases {
    struct moddb_handle *handle;
    std::vector<moddb_database_info> items;
    size_t next = 0;
};

namespace {

// The counters that both databases and the module have.
template <typename T>
bool read_counter(Attributes &attributes, T &to) noexcept
{
    switch (attributes.type()) {
    case MODDB_A_STATS_HITS:
        attributes.number(to.hits);
        return true;
    case MODDB_A_STATS_MISSES:
        attributes.number(to.misses);
        return true;
    case MODDB_A_STATS_SETS:
        attributes.number(to.sets);
        return true;
    case MODDB_A_STATS_DELETES:
        attributes.number(to.deletes);
        return true;
    case MODDB_A_STATS_EXPIRIES:
        attributes.number(to.expiries);
        return true;
    case MODDB_A_STATS_EVICTIONS:
        attributes.number(to.evictions);
        return true;
    case MODDB_A_STATS_REFUSALS:
        attributes.number(to.refusals);
        return true;
    case MODDB_A_STATS_DROPS:
        attributes.number(to.drops);
        return true;
    default:
        return false;
    }
}

template <size_t size>
void copy_text(char (&to)[size], std::string_view from) noexcept
{
    from = from.substr(0, std::min(from.find('\0'), size - 1));
    std::copy(from.begin(), from.end(), to);
    to[from.size()] = '\0';
}

bool read_database_stats(std::string_view message, moddb_database_info &info) noexcept
{
    Attributes attributes(message);
    while (attributes.next())
        read_counter(attributes, info);
    return !attributes.malformed();
}

bool read_database(std::string_view message, moddb_database_info &info) noexcept
{
    bool well = true;
    Attributes attributes(message);
    while (attributes.next()) {
        switch (attributes.type()) {
        case MODDB_A_DATABASE_NAME:
            copy_text(info.name, attributes.value());
            break;
        case MODDB_A_DATABASE_OWNER:
            attributes.number(info.owner);
            break;
        case MODDB_A_DATABASE_GROUP:
            attributes.number(info.group);
            break;
        case MODDB_A_DATABASE_MODE:
            attributes.number(info.mode);
            break;
        case MODDB_A_DATABASE_MAX_BYTES:
            attributes.number(info.max_bytes);
            break;
        case MODDB_A_DATABASE_MAX_KEYS:
            attributes.number(info.max_keys);
            break;
        case MODDB_A_DATABASE_EVICT:
            attributes.number(info.evict);
            break;
        case MODDB_A_DATABASE_SHARED:
            attributes.number(info.shared);
            break;
        case MODDB_A_DATABASE_SEALED:
            attributes.number(info.sealed);
            break;
        case MODDB_A_DATABASE_EPHEMERAL:
            info.ephemeral = 1;
            break;
        case MODDB_A_DATABASE_REVISION:
            attributes.number(info.revision);
            break;
        case MODDB_A_DATABASE_KEYS:
            attributes.number(info.keys);
            break;
        case MODDB_A_DATABASE_BYTES:
            attributes.number(info.bytes);
            break;
        case MODDB_A_DATABASE_WINDOW_BYTES:
            attributes.number(info.window_bytes);
            break;
        case MODDB_A_DATABASE_STATS:
            well = well && read_database_stats(attributes.value(), info);
            break;
        default:
            break;
        }
    }
    return well && !attributes.malformed() && info.name[0];
}

bool read_module_stats(std::string_view message, struct moddb_stat &stat) noexcept
{
    Attributes attributes(message);
    while (attributes.next()) {
        switch (attributes.type()) {
        case MODDB_A_STATS_MODULE_VERSION:
            copy_text(stat.module_version, attributes.value());
            break;
        case MODDB_A_STATS_DATABASES:
            attributes.number(stat.databases);
            break;
        case MODDB_A_STATS_KEYS:
            attributes.number(stat.keys);
            break;
        case MODDB_A_STATS_BYTES:
            attributes.number(stat.bytes);
            break;
        case MODDB_A_STATS_MAX_BYTES:
            attributes.number(stat.max_bytes);
            break;
        case MODDB_A_STATS_USER_KEYS:
            attributes.number(stat.user_keys);
            break;
        case MODDB_A_STATS_USER_BYTES:
            attributes.number(stat.user_bytes);
            break;
        case MODDB_A_STATS_MAX_USER_BYTES:
            attributes.number(stat.max_user_bytes);
            break;
        case MODDB_A_STATS_MAX_VALUE:
            attributes.number(stat.max_value);
            break;
        case MODDB_A_STATS_SESSIONS:
            attributes.number(stat.sessions);
            break;
        case MODDB_A_STATS_WATCHES:
            attributes.number(stat.watches);
            break;
        default:
            read_counter(attributes, stat);
            break;
        }
    }
    return !attributes.malformed();
}

int malformed(ErrorText &error) noexcept
{
    return error.fail(-EBADMSG, "malformed reply from the kernel");
}

// Gets the name of the database, by default that of the handle, and checks it.
int resolve_name(const struct moddb_handle *handle, const char *name, std::string_view &own,
                 ErrorText &error) noexcept
{
    own = name ? std::string_view(name) : std::string_view(handle->database);
    return check_name(own, error);
}

int get_database(struct moddb_handle *handle, const char *name, moddb_database_info *info)
{
    std::string_view own_name;
    Channel *channel;
    if (const int result = resolve_name(handle, name, own_name, handle->error); result < 0)
        return result;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    Writer writer = channel->begin_without_database(MODDB_CMD_DB_GET);
    writer.put_string(MODDB_A_DATABASE_NAME, own_name);
    std::string_view reply;
    if (const int result = channel->request(writer, handle->error, reply); result < 0)
        return result;
    moddb_database_info own{};
    if (!read_database(reply, own))
        return malformed(handle->error);
    if (write_struct(info, own) < 0)
        return handle->error.fail(-EINVAL, "info has an invalid size");
    return 0;
}

int list_databases(struct moddb_handle *handle, struct moddb_databases **list)
{
    // Creating or deleting a database interrupts a listing, which then may lack a database or have
    // one twice; any user can interrupt every attempt. After so many attempts the result is what
    // any of them has seen.
    constexpr int attempts = 100;
    auto opened = std::make_unique<struct moddb_databases>();
    opened->handle = handle;
    Channel *channel;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    std::map<std::string, moddb_database_info> seen;
    std::map<std::string, moddb_database_info> found;
    int result = 1;
    for (int attempt = 0; attempt < attempts && result == 1; ++attempt) {
        found.clear();
        const Writer writer = channel->begin_without_database(MODDB_CMD_DB_LIST, NLM_F_DUMP);
        result = channel->dump(writer, handle->error, [&](std::string_view message) {
            moddb_database_info info{};
            if (!read_database(message, info))
                return malformed(handle->error);
            found.insert_or_assign(info.name, info);
            return 0;
        });
        if (result == 1)
            for (const auto &[name, info] : found)
                seen.insert_or_assign(name, info);
    }
    if (result < 0)
        return result;
    for (const auto &[name, info] : result == 1 ? seen : found)
        opened->items.push_back(info);
    *list = opened.release();
    return 0;
}

int module_stat(struct moddb_handle *handle, struct moddb_stat *stat)
{
    Channel *channel;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    const Writer writer = channel->begin_without_database(MODDB_CMD_STAT);
    std::string_view reply;
    if (const int result = channel->request(writer, handle->error, reply); result < 0)
        return result;
    struct moddb_stat own {};
    bool found = false;
    Attributes attributes(reply);
    while (attributes.next())
        if (attributes.type() == MODDB_A_DATABASE_STATS)
            found = read_module_stats(attributes.value(), own);
    if (!found || attributes.malformed())
        return malformed(handle->error);
    if (write_struct(stat, own) < 0)
        return handle->error.fail(-EINVAL, "stat has an invalid size");
    return 0;
}

bool read_module_info(std::string_view reply, struct moddb_module_info &own) noexcept
{
    Attributes attributes(reply);
    while (attributes.next()) {
        switch (attributes.type()) {
        case MODDB_A_INFO_VERSION:
            attributes.value().copy(own.version, sizeof(own.version) - 1);
            break;
        case MODDB_A_INFO_OPERATIONS:
            attributes.number(own.operations);
            break;
        case MODDB_A_INFO_FEATURES:
            attributes.number(own.features);
            break;
        case MODDB_A_INFO_KEY_MAX:
            attributes.number(own.key_max);
            break;
        case MODDB_A_INFO_VALUE_MAX:
            attributes.number(own.value_max);
            break;
        case MODDB_A_INFO_INLINE_MAX:
            attributes.number(own.inline_max);
            break;
        case MODDB_A_INFO_TXN_MAX:
            attributes.number(own.txn_max);
            break;
        case MODDB_A_INFO_NAME_MAX:
            attributes.number(own.name_max);
            break;
        case MODDB_A_INFO_OP_SIZE:
            attributes.number(own.op_size);
            break;
        case MODDB_A_INFO_WINDOW_LAYOUT:
            attributes.number(own.window_layout);
            break;
        case MODDB_A_INFO_WINDOW_INCOMPATIBLE:
            attributes.number(own.window_incompatible);
            break;
        default:
            break;
        }
    }
    return !attributes.malformed();
}

int module_info(struct moddb_handle *handle, struct moddb_module_info *info)
{
    Channel *channel;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    const Writer writer = channel->begin_without_database(MODDB_CMD_INFO);
    std::string_view reply;
    if (const int result = channel->request(writer, handle->error, reply); result < 0)
        return result;
    struct moddb_module_info own {};
    if (!read_module_info(reply, own))
        return malformed(handle->error);
    if (write_struct(info, own) < 0)
        return handle->error.fail(-EINVAL, "info has an invalid size");
    return 0;
}

// Sends a request whose reply is an acknowledgement.
int command(struct moddb_handle *handle, uint8_t code,
            const std::function<void(Writer &writer)> &put_attributes)
{
    Channel *channel;
    if (const int result = control_channel(*handle, channel); result < 0)
        return result;
    // A replacement may have as many names as fit in one message.
    if (code == MODDB_CMD_DB_REPLACE)
        channel->make_room(channel->max_request());
    Writer writer = channel->begin_without_database(code, NLM_F_ACK);
    put_attributes(writer);
    std::string_view reply;
    return channel->request(writer, handle->error, reply);
}

int command_on(struct moddb_handle *handle, uint8_t code, const char *name)
{
    return with_handle(handle, [&] {
        std::string_view own_name;
        if (const int result = resolve_name(handle, name, own_name, handle->error); result < 0)
            return result;
        return command(handle, code,
                       [&](Writer &writer) { writer.put_string(MODDB_A_DATABASE_NAME, own_name); });
    });
}

int configure(struct moddb_handle *handle, uint8_t code, const char *name,
              const moddb_database_options *options)
{
    return with_handle(handle, [&] {
        constexpr uint32_t known =
            MODDB_DATABASE_OWNER | MODDB_DATABASE_GROUP | MODDB_DATABASE_MODE |
            MODDB_DATABASE_MAX_BYTES | MODDB_DATABASE_MAX_KEYS | MODDB_DATABASE_EVICT |
            MODDB_DATABASE_SHARED | MODDB_DATABASE_SEALED | MODDB_DATABASE_EPHEMERAL;
        moddb_database_options own{};
        std::string_view own_name;
        if (const int result = resolve_name(handle, name, own_name, handle->error); result < 0)
            return result;
        if (read_struct(options, own) < 0)
            return handle->error.fail(
                -EINVAL, "options has an invalid size, or fields that this library does not know");
        if (own.fields & ~known)
            return handle->error.fail(-EINVAL, "unknown fields 0x%x", own.fields & ~known);
        if (own.fields & MODDB_DATABASE_EPHEMERAL && code != MODDB_CMD_DB_CREATE)
            return handle->error.fail(-EINVAL, "only a new database can be made ephemeral");
        return command(handle, code, [&](Writer &writer) {
            writer.put_string(MODDB_A_DATABASE_NAME, own_name);
            if (own.fields & MODDB_DATABASE_OWNER)
                writer.put_u32(MODDB_A_DATABASE_OWNER, own.owner);
            if (own.fields & MODDB_DATABASE_GROUP)
                writer.put_u32(MODDB_A_DATABASE_GROUP, own.group);
            if (own.fields & MODDB_DATABASE_MODE)
                writer.put_u32(MODDB_A_DATABASE_MODE, own.mode);
            if (own.fields & MODDB_DATABASE_MAX_BYTES)
                writer.put_u64(MODDB_A_DATABASE_MAX_BYTES, own.max_bytes);
            if (own.fields & MODDB_DATABASE_MAX_KEYS)
                writer.put_u64(MODDB_A_DATABASE_MAX_KEYS, own.max_keys);
            if (own.fields & MODDB_DATABASE_EVICT)
                writer.put_u32(MODDB_A_DATABASE_EVICT, own.evict);
            if (own.fields & MODDB_DATABASE_SHARED)
                writer.put_u32(MODDB_A_DATABASE_SHARED, own.shared);
            if (own.fields & MODDB_DATABASE_SEALED)
                writer.put_u32(MODDB_A_DATABASE_SEALED, own.sealed);
            if (own.fields & MODDB_DATABASE_EPHEMERAL && own.ephemeral)
                writer.put_flag(MODDB_A_DATABASE_EPHEMERAL);
        });
    });
}

int replace(struct moddb_handle *handle, const char *const *names, const char *const *sources,
            size_t count)
{
    if (count && (!names || !sources))
        return handle->error.fail(-EINVAL, "the array of names is NULL");
    for (size_t i = 0; i < count; ++i) {
        if (!names[i] || !sources[i])
            return handle->error.fail(-EINVAL, "the name of a database is NULL");
        if (const int result = check_name(names[i], handle->error); result < 0)
            return result;
        if (const int result = check_name(sources[i], handle->error); result < 0)
            return result;
    }
    if (!count)
        return 0;
    return command(handle, MODDB_CMD_DB_REPLACE, [&](Writer &writer) {
        for (size_t i = 0; i < count; ++i) {
            char *nest = writer.begin_nest(MODDB_A_DATABASE_REPLACE);
            writer.put_string(MODDB_A_DATABASE_NAME, names[i]);
            writer.put_string(MODDB_A_DATABASE_SOURCE, sources[i]);
            writer.end_nest(nest);
        }
    });
}

} // namespace

int moddb_database_get(struct moddb_handle *handle, const char *name, moddb_database_info *info)
{
    return with_handle(handle, [&] { return get_database(handle, name, info); });
}

int moddb_database_create(struct moddb_handle *handle, const char *name,
                          const moddb_database_options *options)
{
    return configure(handle, MODDB_CMD_DB_CREATE, name, options);
}

int moddb_database_alter(struct moddb_handle *handle, const char *name,
                         const moddb_database_options *options)
{
    return configure(handle, MODDB_CMD_DB_SET, name, options);
}

int moddb_database_delete(struct moddb_handle *handle, const char *name)
{
    return command_on(handle, MODDB_CMD_DB_DELETE, name);
}

int moddb_database_clear(struct moddb_handle *handle, const char *name)
{
    return command_on(handle, MODDB_CMD_DB_CLEAR, name);
}

int moddb_database_seal(struct moddb_handle *handle, const char *name)
{
    moddb_database_options options = MODDB_INIT(options);
    options.fields = MODDB_DATABASE_SEALED;
    options.sealed = 1;
    return configure(handle, MODDB_CMD_DB_SET, name, &options);
}

int moddb_database_replace(struct moddb_handle *handle, const char *const *names,
                           const char *const *sources, size_t count)
{
    return with_handle(handle, [&] { return replace(handle, names, sources, count); });
}

int moddb_databases_open(struct moddb_handle *handle, struct moddb_databases **list)
{
    if (list)
        *list = nullptr;
    return with_handle(handle, [&] {
        return list ? list_databases(handle, list)
                    : handle->error.fail(-EINVAL, "the pointer to the list is NULL");
    });
}

int moddb_databases_next(struct moddb_databases *list, moddb_database_info *info)
{
    if (!list)
        return -EINVAL;
    return with_handle(list->handle, [&] {
        if (list->next == list->items.size())
            return 0;
        if (write_struct(info, list->items[list->next]) < 0)
            return list->handle->error.fail(-EINVAL, "info has an invalid size");
        ++list->next;
        return 1;
    });
}

void moddb_databases_close(struct moddb_databases *list)
{
    delete list;
}

int moddb_module_stat(struct moddb_handle *handle, struct moddb_stat *stat)
{
    return with_handle(handle, [&] { return module_stat(handle, stat); });
}

int moddb_module(struct moddb_handle *handle, struct moddb_module_info *info)
{
    return with_handle(handle, [&] { return module_info(handle, info); });
}
