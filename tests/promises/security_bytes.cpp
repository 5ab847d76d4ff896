// SPDX-License-Identifier: MIT
//
// Leaks of kernel memory: in replies over netlink and the device, and in the window. Freed memory
// gets a pattern first, which must not appear. A kernel that zeroes allocations hides leaks, so
// promise-bytes boots one that fills memory with patterns of its own. Every byte must be one that
// the interface defines.
#include "security.h"

#include "../support/netlink.hpp"

#include <moddb/device.h>
#include <moddb/netlink.h>
#include <moddb/window.h>

#include <algorithm>
#include <map>
#include <sys/ioctl.h>
#include <sys/mman.h>

TEST_SUITE_BEGIN("security-bytes");

namespace {

constexpr unsigned char stale = 0xa7;

// Leaves the pattern in freed memory of every size that the module allocates.
void leave_patterns(moddb_handle *handle)
{
    const std::string key(100, static_cast<char>(stale));
    for (const size_t size : {16u, 60u, 120u, 250u, 500u, 1000u, 2000u, 4000u, 8000u, 30'000u})
        for (int i = 0; i < 20; ++i) {
            const std::string name = key + std::to_string(i);
            REQUIRE(set(handle, name, std::string(size, static_cast<char>(stale))) == 0);
        }
    for (int i = 0; i < 20; ++i)
        REQUIRE(del(handle, key + std::to_string(i)) == 0);
}

constexpr size_t page = 4096, granule = MODDB_WINDOW_GRANULE;

// Compared page by page, since windows are large.
template <char byte>
bool is_all(std::string_view bytes)
{
    static const std::string same(page, byte);
    for (; bytes.size() > page; bytes.remove_prefix(page))
        if (std::memcmp(bytes.data(), same.data(), page) != 0)
            return false;
    return std::memcmp(bytes.data(), same.data(), bytes.size()) == 0;
}

bool is_zero(std::string_view bytes)
{
    return is_all<'\0'>(bytes);
}

// Checks every byte between attributes, also inside nests. Empty if all are right.
std::string what_is_wrong(std::string_view attributes, int nest)
{
    while (!attributes.empty()) {
        nlattr header;
        if (attributes.size() < NLA_HDRLEN)
            return "a rest of " + std::to_string(attributes.size()) + " bytes";
        std::memcpy(&header, attributes.data(), sizeof header);
        const size_t aligned = NLA_ALIGN(header.nla_len);
        if (header.nla_len < NLA_HDRLEN || header.nla_len > attributes.size())
            return "an attribute that does not fit";
        const int type = header.nla_type & NLA_TYPE_MASK;
        const std::string_view value =
            attributes.substr(NLA_HDRLEN, header.nla_len - size_t{NLA_HDRLEN});
        if (aligned > attributes.size() ||
            !is_zero(attributes.substr(header.nla_len, aligned - header.nla_len)))
            return "what follows attribute " + std::to_string(type) + " is not zero";
        if (type == nest)
            if (const std::string inside = what_is_wrong(value, 0); !inside.empty())
                return inside;
        if (nest == MODDB_A_DATABASE_STATS && type == MODDB_A_DATABASE_NAME &&
            value.find('\0') != value.size() - 1)
            return "bytes behind a name";
        attributes.remove_prefix(aligned);
    }
    return "";
}

// All replies to one request, byte for byte.
std::string look_at_answer(test::Socket &socket, const test::Message &message, int nest)
{
    REQUIRE(socket.send(message.bytes(9)));
    std::vector<char> buffer(256 * 1024);
    for (bool ended = false; !ended;) {
        const ssize_t got = recv(socket.fd(), buffer.data(), buffer.size(), 0);
        REQUIRE(got > 0);
        std::string_view rest(buffer.data(), static_cast<size_t>(got));
        while (!rest.empty()) {
            nlmsghdr header;
            if (rest.size() < sizeof header)
                return "a rest behind the messages";
            std::memcpy(&header, rest.data(), sizeof header);
            if (header.nlmsg_len < sizeof header || header.nlmsg_len > rest.size())
                return "a message that does not fit";
            std::string_view body = rest.substr(NLMSG_HDRLEN, header.nlmsg_len - NLMSG_HDRLEN);
            ended = header.nlmsg_type == NLMSG_ERROR || header.nlmsg_type == NLMSG_DONE;
            std::string wrong;
            if (ended) {
                body.remove_prefix(std::min(
                    body.size(), header.nlmsg_type == NLMSG_DONE ? sizeof(int) : sizeof(nlmsgerr)));
                wrong = what_is_wrong(body, 0);
            } else {
                genlmsghdr generic;
                std::memcpy(&generic, body.data(), sizeof generic);
                if (generic.reserved)
                    return "the reserved field of the header is not zero";
                wrong = what_is_wrong(body.substr(GENL_HDRLEN), nest);
            }
            if (!wrong.empty())
                return wrong;
            rest.remove_prefix(std::min<size_t>(NLMSG_ALIGN(header.nlmsg_len), rest.size()));
        }
    }
    return "";
}

struct Bound {
    explicit Bound(const char *name) : fd(open("/dev/moddb", O_RDWR | O_CLOEXEC))
    {
        REQUIRE(fd >= 0);
        moddb_device_bind bind{};
        std::strncpy(bind.database, name, sizeof bind.database - 1);
        bind.rights = MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
        REQUIRE(ioctl(fd, MODDB_IOC_BIND, &bind) == 0);
    }
    ~Bound() { close(fd); }
    Bound(const Bound &) = delete;
    Bound &operator=(const Bound &) = delete;

    int fd;
};

uint64_t address(const void *memory)
{
    return reinterpret_cast<uintptr_t>(memory);
}

// A window, mapped completely.
struct Mapped {
    explicit Mapped(const Bound &file)
    {
        moddb_device_window window{};
        window.layout = MODDB_WINDOW_LAYOUT;
        REQUIRE(ioctl(file.fd, MODDB_IOC_WINDOW, &window) == 0);
        CHECK(window.layout == MODDB_WINDOW_LAYOUT);
        CHECK(window.incompatible == MODDB_WINDOW_INCOMPATIBLE);
        size = window.size;
        void *memory =
            mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, static_cast<off_t>(window.offset));
        REQUIRE(memory != MAP_FAILED);
        bytes = static_cast<const unsigned char *>(memory);
    }
    ~Mapped() { munmap(const_cast<unsigned char *>(bytes), size); }
    Mapped(const Mapped &) = delete;
    Mapped &operator=(const Mapped &) = delete;

    std::string_view part(size_t at, size_t length) const
    {
        return {reinterpret_cast<const char *>(bytes) + at, length};
    }

    const unsigned char *bytes;
    size_t size;
};

bool is_ones(const Mapped &window, size_t at)
{
    return is_all<'\xff'>(window.part(at, page));
}

// A free granule is zero except for the link of the free list, which is the number of a granule.
bool is_free(const Mapped &window, const moddb_window_header &header, size_t at)
{
    uint32_t link;
    std::memcpy(&link, window.bytes + at, sizeof link);
    return link < header.heap_size / granule && is_zero(window.part(at + 4, granule - 4));
}

// Checks every byte of the window against its entries.
std::string what_is_wrong(const Mapped &window, size_t entries)
{
    moddb_window_header header;
    std::memcpy(&header, window.bytes, sizeof header);
    if (header.magic != MODDB_WINDOW_MAGIC || header.reserved || header.size != window.size)
        return "the header is invalid";
    if (!is_zero(window.part(sizeof header, header.buckets_offset - sizeof header)))
        return "something lies behind the header";
    // The begin of each entry, and its size.
    std::map<size_t, size_t> used;
    // Entries that found no memory are counted in their buckets.
    size_t missing = 0;
    for (size_t i = 0; i < header.buckets; ++i) {
        moddb_window_bucket bucket;
        std::memcpy(&bucket, window.bytes + header.buckets_offset + i * sizeof bucket,
                    sizeof bucket);
        if (bucket.reserved || bucket.sequence & 1)
            return "a bucket is odd, or its reserved field is not zero";
        missing += bucket.missing;
        for (unsigned slot = 0; slot < MODDB_WINDOW_SLOTS; ++slot) {
            const auto tag = bucket.tags[slot / 4] >> slot % 4 * 16 & 0xffff;
            if (!bucket.offsets[slot] && tag)
                return "an empty slot has a tag";
            if (!bucket.offsets[slot])
                continue;
            const size_t at = header.heap_offset + bucket.offsets[slot] * granule;
            moddb_window_entry entry;
            std::memcpy(&entry, window.bytes + at, sizeof entry);
            used[at] = moddb_window_entry_size(&entry);
        }
    }
    const size_t buckets_end = header.buckets_offset + header.buckets * sizeof(moddb_window_bucket);
    if (!is_zero(window.part(buckets_end, header.heap_offset - buckets_end)))
        return "something lies behind the buckets";
    if (used.size() + missing != entries)
        return std::to_string(used.size() + missing) + " entries instead of " +
               std::to_string(entries);
    for (size_t at = header.heap_offset; at < window.size;) {
        if (at % page == 0 && is_ones(window, at)) {
            at += page;
            continue;
        }
        if (const auto entry = used.find(at); entry != used.end()) {
            const size_t end = at + entry->second, next = (end + granule - 1) / granule * granule;
            if (!is_zero(window.part(end, next - end)))
                return "something lies behind an entry, at " + std::to_string(end);
            at = next;
            continue;
        }
        if (!is_free(window, header, at))
            return "something lies in free memory, at " + std::to_string(at);
        at += granule;
    }
    return "";
}

} // namespace

TEST_CASE("replies over netlink contain no uninitialized byte")
{
    const Opened db;
    const Database named("n");
    REQUIRE(set(db, "key", "value") == 0);
    REQUIRE(set(db, "k", "v", for_ms(3'600'000)) == 0);
    REQUIRE(set(db, "number", "7") == 0);
    test::Socket socket;
    const uint16_t family = socket.family("moddb");
    const auto entry = [&](uint8_t command, std::string_view key, uint16_t flags = NLM_F_ACK) {
        test::Message message(family, command, flags);
        if (!key.empty())
            message.put(MODDB_A_ENTRY_KEY, key);
        return message;
    };
    const auto inner = [](uint32_t code, std::string_view key) {
        test::Message message = test::Message::nested();
        message.number(MODDB_A_ENTRY_CODE, code).put(MODDB_A_ENTRY_KEY, key);
        return message;
    };
    const auto many = [&](uint8_t command) {
        test::Message message = entry(command, "");
        message.nest(MODDB_A_ENTRY_OP, inner(MODDB_OP_CODE_GET, "key"))
            .nest(MODDB_A_ENTRY_OP, inner(MODDB_OP_CODE_GET, "none"))
            .nest(MODDB_A_ENTRY_OP, inner(MODDB_OP_CODE_INCR, "number"));
        return message;
    };
    const std::string name("n\0", 2);
    const std::pair<const char *, test::Message> requests[] = {
        {"get", entry(MODDB_CMD_GET, "key").put(MODDB_A_ENTRY_WANT_META, "")},
        {"get with ttl", entry(MODDB_CMD_GET, "k").put(MODDB_A_ENTRY_WANT_META, "")},
        {"get of nothing", entry(MODDB_CMD_GET, "none")},
        {"get without a key", entry(MODDB_CMD_GET, "")},
        {"set", entry(MODDB_CMD_SET, "k").put(MODDB_A_ENTRY_VALUE, "odd")},
        {"set that fails", entry(MODDB_CMD_SET, "key")
                               .put(MODDB_A_ENTRY_VALUE, "odd")
                               .number(MODDB_A_ENTRY_CONDITION, uint32_t{MODDB_CONDITION_ABSENT})
                               .put(MODDB_A_ENTRY_WANT_VALUE, "")},
        {"incr", entry(MODDB_CMD_INCR, "number")},
        {"batch", many(MODDB_CMD_BATCH)},
        {"txn", many(MODDB_CMD_TXN)},
        {"list", entry(MODDB_CMD_LIST, "", NLM_F_DUMP)
                     .put(MODDB_A_ENTRY_WANT_VALUE, "")
                     .put(MODDB_A_ENTRY_WANT_META, "")},
        {"watch",
         entry(MODDB_CMD_WATCH, "")
             .nest(MODDB_A_ENTRY_PATTERN, test::Message::nested().put(MODDB_A_ENTRY_KEY, "key"))},
        {"sync", entry(MODDB_CMD_SYNC, "").number(MODDB_A_ENTRY_WATCH_ID, uint32_t{1})},
        {"event", entry(MODDB_CMD_SET, "key")
                      .put(MODDB_A_ENTRY_VALUE, "event with an odd length")
                      .put(MODDB_A_ENTRY_PAD, "")},
        {"unwatch", entry(MODDB_CMD_UNWATCH, "").number(MODDB_A_ENTRY_WATCH_ID, uint32_t{1})},
        {"no such command", entry(200, "key")},
    };
    for (const auto &request : requests) {
        CAPTURE(std::string(request.first));
        leave_patterns(db);
        CHECK(look_at_answer(socket, request.second, MODDB_A_ENTRY_RESULT) == "");
    }
    struct {
        const char *what;
        test::Message message;
        int nest;
    } const on_databases[] = {
        {"db-get",
         test::Message(family, MODDB_CMD_DB_GET, NLM_F_ACK).put(MODDB_A_DATABASE_NAME, name),
         MODDB_A_DATABASE_STATS},
        {"db-list", test::Message(family, MODDB_CMD_DB_LIST, NLM_F_DUMP), MODDB_A_DATABASE_STATS},
        {"stat", test::Message(family, MODDB_CMD_STAT, NLM_F_ACK), 0},
    };
    for (const auto &request : on_databases) {
        CAPTURE(std::string(request.what));
        leave_patterns(db);
        CHECK(look_at_answer(socket, request.message, request.nest) == "");
    }
}

TEST_CASE("the device writes its reply, and no byte more")
{
    const Opened db;
    REQUIRE(set(db, "key", "value") == 0);
    REQUIRE(set(db, "number", "7") == 0);
    const Bound file("default");
    struct {
        const char *what;
        uint32_t code, want;
        const char *key;
        int status;
        bool meta, number;
    } const cases[] = {
        {"get", MODDB_OP_CODE_GET, 0, "key", 0, false, false},
        {"get with meta", MODDB_OP_CODE_GET, MODDB_DEVICE_WANT_META, "key", 0, true, false},
        {"get of nothing", MODDB_OP_CODE_GET, MODDB_DEVICE_WANT_META, "none", -ENOENT, false,
         false},
        {"incr", MODDB_OP_CODE_INCR, 0, "number", 0, false, true},
        {"incr of a text", MODDB_OP_CODE_INCR, 0, "key", -EBADMSG, false, false},
        {"set", MODDB_OP_CODE_SET, 0, "other", 0, false, false},
        {"del", MODDB_OP_CODE_DEL, 0, "other", 0, false, false},
    };
    for (const auto &one : cases)
        for (const uint32_t flags : {0u, unsigned{MODDB_DEVICE_TRANSACTION}}) {
            CAPTURE(std::string(one.what));
            CAPTURE(flags);
            leave_patterns(db);
            moddb_device_op op;
            std::memset(&op, 0xee, sizeof op);
            char room[64], text[128];
            std::memset(room, 0xee, sizeof room);
            std::memset(text, 0xee, sizeof text);
            op.code = one.code;
            op.condition = MODDB_CONDITION_NONE;
            op.key = address(one.key);
            op.key_len = static_cast<uint32_t>(std::strlen(one.key));
            op.flags = 0;
            const bool is_set = one.code == MODDB_OP_CODE_SET;
            const bool counts = one.code == MODDB_OP_CODE_INCR;
            const bool answers = one.code == MODDB_OP_CODE_GET || one.want;
            op.value = is_set ? address("value") : 0;
            op.value_len = is_set ? 5 : 0;
            op.want = one.want;
            op.out = answers ? address(room) : 0;
            op.out_size = answers ? sizeof room : 0;
            op.ttl = 0;
            op.if_value = op.if_version = 0;
            op.if_value_len = op.offset = 0;
            op.tag = op.if_tag = 0;
            op.delta = counts ? 1 : 0;
            op.initial = 0;
            op.minimum = counts ? INT64_MIN : 0;
            op.maximum = counts ? INT64_MAX : 0;
            const moddb_device_op asked = op;
            moddb_device_exec exec{};
            exec.ops = address(&op);
            exec.count = 1;
            exec.op_size = sizeof(moddb_device_op);
            exec.flags = flags;
            exec.text = address(text);
            exec.text_size = sizeof text;
            ioctl(file.fd, MODDB_IOC_EXEC, &exec);
            const auto same = [&](const auto &answered, const auto &before) {
                return std::memcmp(&answered, &before, sizeof before) == 0;
            };
            // The request and unused results are unchanged, and no limit is named.
            CHECK(std::memcmp(&op, &asked, offsetof(moddb_device_op, status)) == 0);
            CHECK(op.flags == asked.flags);
            CHECK(std::memcmp(&op.ttl, &asked.ttl,
                              offsetof(moddb_device_op, number) - offsetof(moddb_device_op, ttl)) ==
                  0);
            CHECK(op.tag == asked.tag);
            CHECK(op.if_tag == asked.if_tag);
            CHECK(op.limit == 0);
            if (!one.meta) {
                CHECK(same(op.mtime, asked.mtime));
                CHECK(same(op.ttl_left, asked.ttl_left));
                CHECK(same(op.uid, asked.uid));
                CHECK(same(op.pid, asked.pid));
                CHECK(same(op.entry_flags, asked.entry_flags));
                CHECK(same(op.entry_tag, asked.entry_tag));
            }
            if (!one.number)
                CHECK(same(op.number, asked.number));
            const auto untouched = [](std::string_view bytes) {
                return std::all_of(bytes.begin(), bytes.end(),
                                   [](char byte) { return byte == '\xee'; });
            };
            // The rest of the buffer may be zeroed.
            const std::string_view rest =
                std::string_view(room, sizeof room)
                    .substr(one.code == MODDB_OP_CODE_GET && !one.status ? 5 : 0);
            CHECK(std::all_of(rest.begin(), rest.end(),
                              [](char byte) { return byte == '\xee' || byte == 0; }));
            const size_t end = std::string_view(text, sizeof text).find('\0');
            CHECK(untouched(std::string_view(text, sizeof text)
                                .substr(end == std::string_view::npos ? 0 : end + 1)));
        }
}

TEST_CASE("the window contains its entries, and nothing that was deleted or never written")
{
    const Database private_one("bytes");
    const Opened db("bytes");
    leave_patterns(db);
    const Bound file("bytes");
    {
        const Mapped empty(file);
        CHECK(what_is_wrong(empty, 0) == "");
    }
    const auto key = [](int i) { return "key" + std::to_string(i); };
    const auto value = [](size_t length) { return std::string(length, static_cast<char>(stale)); };
    // Entries of all sizes; then smaller, larger, deleted, expiring.
    for (int i = 0; i < 600; ++i)
        REQUIRE(set(db, key(i), value(static_cast<size_t>(i) * 7 % 3000)) == 0);
    REQUIRE(set(db, "long", value(100'000)) == 0);
    for (int i = 0; i < 600; i += 3)
        REQUIRE(set(db, key(i), value(static_cast<size_t>(i) % 40)) == 0);
    for (int i = 1; i < 600; i += 3)
        REQUIRE(del(db, key(i)) == 0);
    for (int i = 2; i < 600; i += 30)
        REQUIRE(set(db, key(i), value(33), for_ms(3'600'000)) == 0);
    REQUIRE(del(db, "long") == 0);
    // In place: one byte less takes the same size in memory.
    REQUIRE(set(db, "in place", value(31)) == 0);
    REQUIRE(set(db, "in place", value(26)) == 0);
    const size_t left = database(db).keys;
    CHECK(left == 401);
    // A larger window may still be about to follow.
    CHECK(eventually([&] { return what_is_wrong(Mapped(file), left).empty(); }));
    const Mapped last(file);
    CHECK(what_is_wrong(last, left) == "");
    // Nothing is left of deleted entries, neither in the window nor in its old mapping.
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
    CHECK(eventually([&] { return what_is_wrong(Mapped(file), 0).empty(); }));
    REQUIRE(moddb_database_delete(db, "bytes") == 0);
    CHECK(is_all<'\xff'>(last.part(0, last.size)));
}

TEST_SUITE_END();
