// SPDX-License-Identifier: MIT
//
// The replies of a hostile kernel: an input is one call of the library and the datagrams that it
// receives. The call must return, with an error or with a result that fits its buffers. An input
// selects for each datagram whether its header is made valid, since the library rejects all others
// early.
#include "fuzzer.hpp"

#include "channel.h"
#include "handle.h"
#include "listing.h"

#include <cstring>
#include <sys/socket.h>
#include <unistd.h>

using namespace moddb_internal;

namespace {

constexpr uint16_t family = 31;

enum Call : uint8_t {
    get,
    set_value,
    batch,
    commit,
    list,
    databases,
    database,
    module_stat,
    event,
    calls
};

std::string attribute(uint16_t type, std::string_view value)
{
    const nlattr header{static_cast<uint16_t>(NLA_HDRLEN + value.size()), type};
    std::string bytes(reinterpret_cast<const char *>(&header), sizeof header);
    bytes += value;
    bytes.resize(NLA_ALIGN(bytes.size()));
    return bytes;
}

template <typename T>
std::string number(uint16_t type, T value)
{
    return attribute(type, {reinterpret_cast<const char *>(&value), sizeof value});
}

// A datagram of an input: two bytes of length, a byte that selects the header, the bytes.
enum Header : uint8_t { as_it_is, answer, refusal, done, interrupted };

std::string datagram(Header header, std::string_view rest)
{
    std::string bytes(3, '\0');
    bytes[0] = static_cast<char>(rest.size());
    bytes[1] = static_cast<char>(rest.size() >> 8);
    bytes[2] = static_cast<char>(header);
    return bytes.append(rest);
}

std::string with_header(Header kind, uint32_t sequence, std::string_view rest)
{
    if (kind == as_it_is)
        return std::string(rest);
    nlmsghdr header{};
    header.nlmsg_seq = sequence;
    header.nlmsg_type = kind == refusal ? NLMSG_ERROR : kind == done ? NLMSG_DONE : family;
    header.nlmsg_flags = kind == refusal || kind == done
                             ? NLM_F_ACK_TLVS | (sequence & 1 ? NLM_F_CAPPED : 0)
                         : kind == interrupted ? NLM_F_MULTI | NLM_F_DUMP_INTR
                                               : 0;
    std::string body;
    if (kind == answer || kind == interrupted) {
        const genlmsghdr generic{MODDB_CMD_EVENT, 1, 0};
        body.assign(reinterpret_cast<const char *>(&generic), sizeof generic);
    }
    body += rest;
    header.nlmsg_len = static_cast<uint32_t>(NLMSG_HDRLEN + body.size());
    return std::string(reinterpret_cast<const char *>(&header), sizeof header) + body;
}

// A handle whose kernel replies with the datagrams of an input.
struct Peer {
    Peer()
    {
        fuzz::require(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0, "a socket");
        handle.database = "default";
        handle.options = MODDB_INIT(handle.options);
        handle.options.timeout_ms = 1;
        handle.transport =
            make_netlink_transport(std::make_unique<Channel>(ends[0], family, "default"));
    }
    ~Peer() { close(ends[1]); }
    Peer(const Peer &) = delete;
    Peer &operator=(const Peer &) = delete;

    // Sends all datagrams and closes the connection.
    void send_all(std::string_view input)
    {
        for (uint32_t sequence = 1; input.size() > 3 && sequence < 40;) {
            const size_t length = std::min<size_t>(static_cast<uint8_t>(input[0]) |
                                                       static_cast<uint8_t>(input[1]) << 8,
                                                   input.size() - 3);
            const auto header = static_cast<Header>(input[2] % 8);
            const std::string bytes = with_header(header, sequence, input.substr(3, length));
            input.remove_prefix(3 + length);
            // All messages of a dump have the same number.
            sequence += header == answer && !is_dump;
            if (!bytes.empty() &&
                send(ends[1], bytes.data(), bytes.size(), MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
                break;
        }
        shutdown(ends[1], SHUT_WR);
    }

    int ends[2];
    bool is_dump = false;
    moddb_handle handle;
};

// Reads every byte, so that the sanitizer finds one outside of the memory.
void read_bytes(const void *bytes, size_t length)
{
    volatile unsigned char sum = 0;
    for (size_t i = 0; i < length; ++i)
        sum = sum ^ static_cast<const unsigned char *>(bytes)[i];
}

void run_batch(moddb_handle *handle, bool as_one)
{
    moddb_batch *batch = nullptr;
    fuzz::require(moddb_batch_new(handle, &batch) == 0, "a batch");
    for (const char *key : {"a", "b", "c"})
        moddb_batch_get(batch, key, 1, MODDB_OP_INFO);
    moddb_batch_set(batch, "d", 1, "v", 1, nullptr, MODDB_OP_CURRENT);
    moddb_batch_incr(batch, "n", 1, 1, nullptr);
    size_t failed = 0;
    const int status = as_one ? moddb_batch_commit(batch, &failed) : moddb_batch_run(batch);
    fuzz::require(status <= 0, "a status is no more than 0");
    for (size_t i = 0; i < moddb_batch_count(batch); ++i) {
        moddb_op_result result = MODDB_INIT(result);
        if (moddb_batch_result(batch, i, &result) == 0 && result.has_value)
            read_bytes(result.value, result.value_length);
    }
    moddb_batch_free(batch);
}

void read_list(moddb_handle *handle)
{
    moddb_list_options options = MODDB_INIT(options);
    options.flags = MODDB_LIST_VALUES | MODDB_LIST_INFO;
    moddb_list *all = nullptr;
    if (moddb_list_open(handle, &options, &all))
        return;
    moddb_entry entry = MODDB_INIT(entry);
    // The library asks for a value that the listing lacks, and gets no reply.
    while (moddb_list_next(all, &entry) == 1) {
        fuzz::require(entry.key_length >= 1 && entry.key_length <= MODDB_KEY_MAX, "a key");
        read_bytes(entry.key, entry.key_length);
        read_bytes(entry.value, entry.value_length);
    }
    moddb_list_close(all);
}

void read_databases(moddb_handle *handle)
{
    moddb_databases *all = nullptr;
    if (moddb_databases_open(handle, &all))
        return;
    moddb_database_info info = MODDB_INIT(info);
    while (moddb_databases_next(all, &info) == 1)
        fuzz::require(std::memchr(info.name, 0, sizeof info.name) != nullptr, "a name ends");
    moddb_databases_close(all);
}

void read_events(Channel &channel)
{
    channel.on_event(MODDB_CMD_EVENT, [](std::string_view) {});
    ErrorText error;
    std::string_view attributes;
    while (channel.read_event(error, attributes) == 1) {
        EntryFields fields;
        if (!read_entry(attributes, fields))
            continue;
        read_bytes(fields.key.data(), fields.key.size());
        read_bytes(fields.value.data(), fields.value.size());
    }
}

std::string input_of(Call call, std::initializer_list<std::string> datagrams)
{
    std::string all(1, static_cast<char>(call));
    for (const std::string &one : datagrams)
        all += one;
    return all;
}

} // namespace

std::vector<std::string> fuzz::seeds()
{
    const std::string value = attribute(MODDB_A_ENTRY_VALUE, "some value"),
                      version = number(MODDB_A_ENTRY_VERSION, uint64_t{7}),
                      meta = number(MODDB_A_ENTRY_MTIME, uint64_t{5}) +
                             number(MODDB_A_ENTRY_UID, uint32_t{0}) +
                             number(MODDB_A_ENTRY_TTL, uint64_t{9}),
                      part = attribute(MODDB_A_ENTRY_VALUE, std::string(40, 'p')) +
                             number(MODDB_A_ENTRY_VALUE_LENGTH, uint32_t{80}) + version,
                      failed = number(MODDB_A_ENTRY_STATUS, int32_t{-ECANCELED}) + version,
                      entry = attribute(MODDB_A_ENTRY_KEY, "key") + value + version + meta,
                      first = number(MODDB_A_ENTRY_REVISION, uint64_t{12}),
                      result = attribute(MODDB_A_ENTRY_RESULT | NLA_F_NESTED, value + version),
                      results = result + result + attribute(MODDB_A_ENTRY_RESULT, failed) + result +
                                attribute(MODDB_A_ENTRY_RESULT,
                                          number(MODDB_A_ENTRY_NUMBER, int64_t{-3}) + version),
                      stats = number(MODDB_A_STATS_HITS, uint64_t{1}) +
                              number(MODDB_A_STATS_KEYS, uint64_t{2}) +
                              attribute(MODDB_A_STATS_MODULE_VERSION, std::string_view("0.1\0", 4)),
                      described = attribute(MODDB_A_DATABASE_NAME, std::string_view("name\0", 5)) +
                                  number(MODDB_A_DATABASE_MODE, uint32_t{0600}) +
                                  number(MODDB_A_DATABASE_KEYS, uint64_t{3}) +
                                  attribute(MODDB_A_DATABASE_STATS, stats);
    nlmsgerr error{};
    error.error = -EACCES;
    const std::string refused = std::string(reinterpret_cast<const char *>(&error), sizeof error) +
                                attribute(NLMSGERR_ATTR_MSG, std::string_view("because\0", 8)) +
                                number(NLMSGERR_ATTR_OFFS, uint32_t{40});
    const std::string end(4, '\0');
    std::vector<std::string> all = {
        input_of(get, {datagram(answer, value + version)}),
        input_of(get, {datagram(answer, part), datagram(answer, part)}),
        input_of(get, {datagram(answer, part), datagram(answer, failed), datagram(answer, part)}),
        input_of(set_value, {datagram(answer, version)}),
        input_of(set_value, {datagram(answer, failed + value)}),
        input_of(batch, {datagram(answer, results)}),
        input_of(batch, {datagram(answer, result), datagram(answer, result + result)}),
        input_of(commit, {datagram(answer, results)}),
        input_of(commit, {datagram(answer, failed + number(MODDB_A_ENTRY_INDEX, uint32_t{2}))}),
        input_of(list, {datagram(answer, first), datagram(answer, entry), datagram(done, end)}),
        input_of(list,
                 {datagram(interrupted, first), datagram(done, end), datagram(answer, entry)}),
        input_of(databases,
                 {datagram(answer, described), datagram(answer, described), datagram(done, end)}),
        input_of(database, {datagram(answer, described)}),
        input_of(module_stat, {datagram(answer, stats)}),
        input_of(event, {datagram(answer, number(MODDB_A_ENTRY_KIND, uint32_t{0}) + entry)}),
    };
    for (uint8_t call = 0; call < calls; ++call)
        all.push_back(input_of(static_cast<Call>(call), {datagram(refusal, refused)}));
    return all;
}

std::vector<std::string> fuzz::words()
{
    std::vector<std::string> all;
    for (uint16_t type = 1; type <= MODDB_A_ENTRY_MAX; ++type) {
        all.push_back(number(type, uint32_t{0xffffffff}));
        all.push_back(number(type, uint64_t{1}));
        all.push_back(attribute(type, ""));
    }
    for (const Header header : {as_it_is, answer, refusal, done, interrupted})
        all.push_back(datagram(header, number(MODDB_A_ENTRY_REVISION, uint64_t{1})));
    return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t *data, std::size_t size)
{
    if (size == 0)
        return 0;
    Peer peer;
    const auto call = static_cast<Call>(data[0] % calls);
    peer.is_dump = call == list || call == databases;
    peer.send_all(fuzz::bytes_of(data + 1, size - 1));
    moddb_handle *const handle = &peer.handle;
    // On the heap with exactly this length, so that the sanitizer finds a write beyond it.
    std::vector<char> room(64);
    switch (call) {
    case get: {
        size_t length = room.size();
        moddb_info info = MODDB_INIT(info);
        if (moddb_get(handle, "key", 3, room.data(), &length, &info) == 0)
            fuzz::require(length <= room.size(), "a value that fits");
        break;
    }
    case set_value: {
        moddb_write_options options = MODDB_INIT(options);
        options.condition = MODDB_IF_ABSENT;
        moddb_write_result written = MODDB_INIT(written);
        written.current = room.data();
        written.current_size = room.size();
        moddb_set(handle, "key", 3, "value", 5, &options, &written);
        fuzz::require(!written.has_current || written.current_length <= room.size(),
                      "a value that fits");
        break;
    }
    case batch:
    case commit:
        run_batch(handle, call == commit);
        break;
    case list:
        read_list(handle);
        break;
    case databases:
        read_databases(handle);
        break;
    case database: {
        moddb_database_info info = MODDB_INIT(info);
        if (moddb_database_get(handle, "name", &info) == 0)
            fuzz::require(std::memchr(info.name, 0, sizeof info.name) != nullptr, "a name ends");
        break;
    }
    case module_stat: {
        struct moddb_stat all = MODDB_INIT(all);
        if (moddb_module_stat(handle, &all) == 0)
            fuzz::require(std::memchr(all.module_version, 0, sizeof all.module_version) != nullptr,
                          "a version ends");
        break;
    }
    case event:
    case calls:
        read_events(*peer.handle.transport->channel());
    }
    return 0;
}
