// SPDX-License-Identifier: MIT
//
// Malformed messages from an ordinary user: too short, truncated, wrongly nested, too long, with
// unknown attributes, commands and flags. Each must fail with an error, with a message wherever the
// module itself refuses it, and change nothing in the store. At the end come randomly damaged
// messages, which must only do no harm.

#include "../support/netlink.hpp"
#include "../support/process.hpp"

#include <moddb/netlink.h>

#include <algorithm>
#include <array>
#include <random>

namespace {

using test::Answer;
using test::Message;
using test::Socket;

constexpr uid_t nobody = 65534;
constexpr unsigned damaged = 3000;

std::uint16_t family;
unsigned refusals;

Message request(std::uint8_t command, std::uint16_t flags = NLM_F_ACK)
{
    return {family, command, flags};
}

Message operation(std::uint32_t code)
{
    return Message::nested().number(MODDB_A_ENTRY_CODE, code).put(MODDB_A_ENTRY_KEY, "key-key-");
}

// A valid request for each command, so that only what a test adds is wrong.
Message valid(std::uint8_t command)
{
    const bool is_dump = command == MODDB_CMD_LIST || command == MODDB_CMD_DB_LIST;
    Message message = request(command, is_dump ? NLM_F_DUMP : NLM_F_ACK);
    switch (command) {
    case MODDB_CMD_SET:
    case MODDB_CMD_SWAP:
        message.put(MODDB_A_ENTRY_VALUE, "a value ");
        [[fallthrough]];
    case MODDB_CMD_GET:
    case MODDB_CMD_DEL:
    case MODDB_CMD_INCR:
    case MODDB_CMD_TOUCH:
    case MODDB_CMD_TAKE:
        message.put(MODDB_A_ENTRY_KEY, "key-key-");
        break;
    case MODDB_CMD_WATCH:
        message.nest(MODDB_A_ENTRY_PATTERN, Message::nested().put(MODDB_A_ENTRY_KEY, "key-key-"));
        break;
    case MODDB_CMD_DEL_PREFIX:
        message.put(MODDB_A_ENTRY_PREFIX, "key-key-");
        break;
    case MODDB_CMD_BATCH:
    case MODDB_CMD_TXN:
        message.nest(MODDB_A_ENTRY_OP, operation(MODDB_OP_CODE_DEL));
        break;
    case MODDB_CMD_STAGE:
        message.put(MODDB_A_ENTRY_VALUE, "a value ")
            .number<std::uint32_t>(MODDB_A_ENTRY_VALUE_LENGTH, 8)
            .number<std::uint32_t>(MODDB_A_ENTRY_OFFSET, 0);
        break;
    case MODDB_CMD_UNWATCH:
    case MODDB_CMD_SYNC:
        message.number<std::uint32_t>(MODDB_A_ENTRY_WATCH_ID, 1);
        break;
    case MODDB_CMD_DB_CREATE:
    case MODDB_CMD_DB_SET:
    case MODDB_CMD_DB_DELETE:
    case MODDB_CMD_DB_CLEAR:
        message.put(MODDB_A_DATABASE_NAME, {"another", 8});
        break;
    case MODDB_CMD_DB_REPLACE:
        message.nest(MODDB_A_DATABASE_REPLACE, Message::nested()
                                                   .put(MODDB_A_DATABASE_NAME, {"another", 8})
                                                   .put(MODDB_A_DATABASE_SOURCE, {"a third", 8}));
        break;
    }
    return message;
}

bool is_of_databases(std::uint8_t command)
{
    return command >= MODDB_CMD_DB_GET && command < MODDB_CMD_TOUCH;
}

// These two have no attributes of their own, so generic netlink parses none for them.
bool takes_attributes(std::uint8_t command)
{
    return command != MODDB_CMD_DB_LIST && command != MODDB_CMD_STAT;
}

// The reply to a message.
Answer outcome(Socket &socket, const Message &message)
{
    return socket.ask(message).back();
}

void refused(Socket &socket, const Message &message, const std::string &what, bool has_text = true)
{
    const Answer answer = outcome(socket, message);
    test::require(answer.error < 0, what + ", and it is not refused");
    test::require(!has_text || !answer.text.empty(),
                  what + ", and error " + std::to_string(-answer.error) + " has no text");
    ++refusals;
}

// ------------------------------------------------------------ lengths

enum class Kind { none, number32, number64, flag, string, key, nest };

Kind kind_of_entry(std::uint16_t attribute)
{
    switch (attribute) {
    case MODDB_A_ENTRY_DATABASE:
        return Kind::string;
    case MODDB_A_ENTRY_KEY:
        return Kind::key;
    case MODDB_A_ENTRY_VALUE_LENGTH:
    case MODDB_A_ENTRY_OFFSET:
    case MODDB_A_ENTRY_FLAGS:
    case MODDB_A_ENTRY_CONDITION:
    case MODDB_A_ENTRY_WATCH_ID:
    case MODDB_A_ENTRY_GENERATION:
    case MODDB_A_ENTRY_COUNT:
    case MODDB_A_ENTRY_TAG:
    case MODDB_A_ENTRY_IF_TAG:
    case MODDB_A_ENTRY_EVENT_FD:
        return Kind::number32;
    case MODDB_A_ENTRY_TTL:
    case MODDB_A_ENTRY_IF_VERSION:
    case MODDB_A_ENTRY_DELTA:
    case MODDB_A_ENTRY_INITIAL:
    case MODDB_A_ENTRY_MINIMUM:
    case MODDB_A_ENTRY_MAXIMUM:
    case MODDB_A_ENTRY_SINCE:
        return Kind::number64;
    case MODDB_A_ENTRY_WANT_VALUE:
    case MODDB_A_ENTRY_WANT_META:
    case MODDB_A_ENTRY_STAGED:
        return Kind::flag;
    case MODDB_A_ENTRY_OP:
    case MODDB_A_ENTRY_PATTERN:
        return Kind::nest;
    }
    return Kind::none;
}

Kind kind_of_database(std::uint16_t attribute)
{
    switch (attribute) {
    case MODDB_A_DATABASE_NAME:
    case MODDB_A_DATABASE_SOURCE:
        return Kind::string;
    case MODDB_A_DATABASE_MAX_BYTES:
    case MODDB_A_DATABASE_MAX_KEYS:
        return Kind::number64;
    case MODDB_A_DATABASE_REPLACE:
        return Kind::nest;
    case MODDB_A_DATABASE_EPHEMERAL:
        return Kind::flag;
    case MODDB_A_DATABASE_OWNER:
    case MODDB_A_DATABASE_GROUP:
    case MODDB_A_DATABASE_MODE:
    case MODDB_A_DATABASE_EVICT:
    case MODDB_A_DATABASE_SHARED:
    case MODDB_A_DATABASE_SEALED:
        return Kind::number32;
    }
    return Kind::none;
}

// Whether an attribute of that kind and length, filled with 0xff bytes, is invalid.
bool is_wrong(Kind kind, std::size_t length)
{
    switch (kind) {
    case Kind::number32:
        return length != 4;
    case Kind::number64:
        return length != 8;
    case Kind::flag:
        return length != 0;
    case Kind::key:
        return length == 0;
    case Kind::string: // no NUL at the end
    case Kind::nest:
    case Kind::none: // in replies only
        return true;
    }
    return true;
}

void wrong_lengths(Socket &socket)
{
    const std::string ones(16, '\xff');
    for (std::uint8_t command = 1; command <= MODDB_CMD_MAX; ++command) {
        if (command == MODDB_CMD_EVENT || !takes_attributes(command))
            continue;
        const bool of_databases = is_of_databases(command);
        const unsigned last =
            of_databases ? unsigned{MODDB_A_DATABASE_MAX} : unsigned{MODDB_A_ENTRY_MAX};
        for (std::uint16_t attribute = 0; attribute <= last + 1; ++attribute) {
            const Kind kind = of_databases ? kind_of_database(attribute) : kind_of_entry(attribute);
            // These may be any bytes wherever they are allowed.
            if (!of_databases &&
                (attribute == MODDB_A_ENTRY_VALUE || attribute == MODDB_A_ENTRY_IF_VALUE ||
                 attribute == MODDB_A_ENTRY_PREFIX))
                continue;
            for (std::size_t length = 0; length <= ones.size(); ++length)
                if (is_wrong(kind, length))
                    refused(socket, valid(command).put(attribute, ones.substr(0, length)),
                            "command " + std::to_string(command) + " has attribute " +
                                std::to_string(attribute) + " of " + std::to_string(length) +
                                " bytes");
        }
    }
}

// The same inside an operation. It fails the whole transaction; in a batch, unless the policy
// rejects the message, only the operation's own result, which must be the first.
void refused_inside(Socket &socket, std::uint8_t command, const Message &message,
                    const std::string &what)
{
    if (command != MODDB_CMD_BATCH) {
        refused(socket, message, what);
        return;
    }
    bool is_refused = false;
    for (const Answer &answer : socket.ask(message)) {
        is_refused = is_refused || answer.error < 0;
        Answer result;
        if (const auto first = answer.attribute(MODDB_A_ENTRY_RESULT))
            result.attributes = *first;
        std::int32_t status = 0;
        if (const auto found = result.attribute(MODDB_A_ENTRY_STATUS))
            std::memcpy(&status, found->data(), std::min(found->size(), sizeof(status)));
        is_refused = is_refused || status < 0;
    }
    test::require(is_refused, what + ", and it is not refused");
}

void wrong_lengths_inside(Socket &socket)
{
    const std::string ones(16, '\xff');
    for (const std::uint8_t command : {MODDB_CMD_BATCH, MODDB_CMD_TXN}) {
        for (std::uint16_t attribute = 0; attribute <= MODDB_A_ENTRY_MAX + 1; ++attribute) {
            const Kind kind =
                attribute == MODDB_A_ENTRY_CODE ? Kind::number32 : kind_of_entry(attribute);
            if (attribute == MODDB_A_ENTRY_VALUE || attribute == MODDB_A_ENTRY_IF_VALUE)
                continue;
            for (std::size_t length = 0; length <= ones.size(); ++length)
                if (is_wrong(kind, length))
                    refused_inside(
                        socket, command,
                        request(command)
                            .nest(MODDB_A_ENTRY_OP, operation(MODDB_OP_CODE_CHECK)
                                                        .put(attribute, ones.substr(0, length)))
                            .nest(MODDB_A_ENTRY_OP, operation(MODDB_OP_CODE_GET)),
                        "an operation has attribute " + std::to_string(attribute) + " of " +
                            std::to_string(length) + " bytes");
        }
    }
}

// ------------------------------------------------------------- shapes

void cut_off(Socket &socket)
{
    // A valid message cut anywhere is invalid: its attributes fill it exactly.
    for (const std::uint8_t command : {MODDB_CMD_SET, MODDB_CMD_BATCH, MODDB_CMD_STAGE}) {
        const std::string whole = valid(command).bytes(0);
        const bool is_nested = command == MODDB_CMD_BATCH;
        for (std::size_t length = NLMSG_HDRLEN; length < whole.size(); ++length) {
            Message part(family, NLM_F_ACK);
            part.raw(std::string_view(whole).substr(NLMSG_HDRLEN, length - NLMSG_HDRLEN));
            // Missing padding at the end is allowed, and so is a shorter name.
            refused(socket, part, "a message ends after " + std::to_string(length) + " bytes",
                    length >= NLMSG_HDRLEN + GENL_HDRLEN);
        }
        // The attribute's length exceeds the message.
        std::string longer = whole;
        longer[NLMSG_HDRLEN + GENL_HDRLEN] = '\x7f';
        Message message(family, NLM_F_ACK);
        message.raw(std::string_view(longer).substr(NLMSG_HDRLEN));
        refused(socket, message,
                is_nested ? "a nest is longer than its message"
                          : "an attribute is longer than its message");
    }
}

// Netlink drops these without a reply; it must still answer the next request of the socket.
void unanswered(Socket &socket)
{
    for (const std::uint32_t claimed : {0u, 1u, 15u, 1000u, 0x7fffffffu, 0xffffffffu}) {
        Message message = valid(MODDB_CMD_SET);
        test::require(socket.send(message.claim(claimed).bytes(0)), "send");
        test::require(socket.ask(Message(NLMSG_NOOP, NLM_F_ACK)).back().error == 0,
                      "the socket works after a message that claims a false length");
    }
    for (std::size_t length = 0; length < NLMSG_HDRLEN; ++length) {
        if (length)
            test::require(socket.send(valid(MODDB_CMD_SET).bytes(0).substr(0, length)), "send");
        test::require(socket.ask(Message(NLMSG_NOOP, NLM_F_ACK)).back().error == 0,
                      "the socket works after less than a header");
    }
}

void wrong_commands_and_flags(Socket &socket)
{
    // Generic netlink itself refuses these, before about 6.8 without a message.
    for (unsigned command = 0; command < 256; ++command)
        if (command == 0 || command == MODDB_CMD_EVENT || command > MODDB_CMD_MAX)
            for (const std::uint16_t flags : {NLM_F_ACK, NLM_F_ACK | NLM_F_DUMP})
                refused(socket, request(static_cast<std::uint8_t>(command), flags),
                        "there is no command " + std::to_string(command), false);
    for (std::uint8_t command = 1; command <= MODDB_CMD_MAX; ++command) {
        const bool is_dump = command == MODDB_CMD_LIST || command == MODDB_CMD_DB_LIST;
        refused(socket, request(command, is_dump ? NLM_F_ACK : NLM_F_ACK | NLM_F_DUMP),
                "command " + std::to_string(command) + (is_dump ? " is a dump" : " is no dump"),
                false);
    }
    refused(socket, request(MODDB_CMD_GET).put(MODDB_A_ENTRY_KEY | NLA_F_NESTED, "key-key-"),
            "a key says that it is a nest");
    refused(socket, request(MODDB_CMD_BATCH).put(MODDB_A_ENTRY_OP, "\4\0\0\0"),
            "a nest does not say that it is one");
    for (const std::uint16_t attribute : {0x100, 0x1000, 0x3fff})
        for (const std::uint8_t command : {MODDB_CMD_GET, MODDB_CMD_SET, MODDB_CMD_DB_SET})
            refused(socket, valid(command).put(attribute, "1234"), "there is no such attribute");
}

void wrong_nests(Socket &socket)
{
    for (const std::uint8_t command : {MODDB_CMD_BATCH, MODDB_CMD_TXN}) {
        Message deep = operation(MODDB_OP_CODE_GET);
        for (unsigned depth = 0; depth < 50; ++depth)
            deep = Message::nested().nest(MODDB_A_ENTRY_OP, deep);
        refused(socket, request(command).nest(MODDB_A_ENTRY_OP, deep), "nests in nests");
        refused(socket, request(command), "no operations");
        refused_inside(socket, command, request(command).nest(MODDB_A_ENTRY_OP, Message::nested()),
                       "an operation without a code");
        refused_inside(
            socket, command,
            request(command).nest(MODDB_A_ENTRY_OP, Message::nested().number<std::uint32_t>(
                                                        MODDB_A_ENTRY_CODE, MODDB_OP_CODE_GET)),
            "an operation without a key");
        refused(socket, request(command).nest(MODDB_A_ENTRY_RESULT, operation(MODDB_OP_CODE_GET)),
                "a result is asked");
        for (const std::uint32_t code : {MODDB_OP_CODE_TAKE + 1u, 255u, 0x80000000u})
            refused_inside(socket, command,
                           request(command).nest(MODDB_A_ENTRY_OP, operation(code)),
                           "an unknown operation");
        refused_inside(socket, command,
                       request(command).nest(MODDB_A_ENTRY_OP, operation(MODDB_OP_CODE_SET)),
                       "a set without a value");
    }
    // The invalid operation comes last; those before it must not have been done.
    refused(socket,
            request(MODDB_CMD_TXN)
                .nest(MODDB_A_ENTRY_OP,
                      operation(MODDB_OP_CODE_SET).put(MODDB_A_ENTRY_VALUE, "changed"))
                .nest(MODDB_A_ENTRY_OP, operation(MODDB_OP_CODE_SET).put(MODDB_A_ENTRY_KEY, "")),
            "the last operation is wrong");
    Message many = request(MODDB_CMD_TXN);
    for (unsigned i = 0; i < MODDB_TXN_MAX + 1; ++i)
        many.nest(MODDB_A_ENTRY_OP, operation(MODDB_OP_CODE_GET));
    refused(socket, many, "too many operations");
}

void too_long(Socket &socket)
{
    const std::string key(MODDB_KEY_MAX + 1, 'k');
    const std::string value(MODDB_INLINE_MAX + 1, 'v');
    std::string name(MODDB_NAME_MAX + 2, 'n');
    name.back() = '\0';
    for (const std::uint8_t command :
         {MODDB_CMD_GET, MODDB_CMD_SET, MODDB_CMD_DEL, MODDB_CMD_INCR}) {
        refused(socket, valid(command).put(MODDB_A_ENTRY_KEY, key), "a key is too long");
        refused(socket, valid(command).put(MODDB_A_ENTRY_DATABASE, name), "a name is too long");
    }
    refused(socket, valid(MODDB_CMD_SET).put(MODDB_A_ENTRY_VALUE, value), "a value is too long");
    refused(socket, valid(MODDB_CMD_STAGE).put(MODDB_A_ENTRY_VALUE, value), "a part is too long");
    refused(socket, valid(MODDB_CMD_LIST).put(MODDB_A_ENTRY_PREFIX, key), "a prefix is too long");
    for (const std::uint16_t kind : {MODDB_A_ENTRY_KEY, MODDB_A_ENTRY_PREFIX})
        refused(
            socket,
            valid(MODDB_CMD_WATCH).nest(MODDB_A_ENTRY_PATTERN, Message::nested().put(kind, key)),
            "a pattern is too long");
    refused(socket, valid(MODDB_CMD_DB_CREATE).put(MODDB_A_DATABASE_NAME, name),
            "a name is too long");
    for (const std::uint32_t length : {7u, MODDB_VALUE_MAX + 1u, 0xffffffffu})
        refused(socket,
                valid(MODDB_CMD_STAGE).number<std::uint32_t>(MODDB_A_ENTRY_VALUE_LENGTH, length),
                "a value is staged with length " + std::to_string(length));
    for (const std::uint32_t offset : {1u, 8u, 0xffffffffu})
        refused(socket, valid(MODDB_CMD_STAGE).number<std::uint32_t>(MODDB_A_ENTRY_OFFSET, offset),
                "a part is staged at offset " + std::to_string(offset));
    refused(socket,
            request(MODDB_CMD_SET).put(MODDB_A_ENTRY_KEY, "k").put(MODDB_A_ENTRY_STAGED, ""),
            "nothing is staged");
    // As long as a message can be, and longer.
    for (const std::size_t length : {60000u, 200000u, 4000000u}) {
        Message message = request(MODDB_CMD_SET);
        for (std::size_t size = 0; size < length; size += value.size())
            message.put(MODDB_A_ENTRY_VALUE, value);
        if (socket.send(message.bytes(0))) {
            test::require(socket.receive().front().error < 0, "an overlong message is not refused");
            ++refusals;
        }
    }
}

void wrong_values(Socket &socket)
{
    for (const std::uint32_t flags : {4u, 5u, 0x10u, 0x80000000u, 0xffffffffu})
        refused(socket, valid(MODDB_CMD_SET).number(MODDB_A_ENTRY_FLAGS, flags), "unknown flags");
    refused(socket,
            valid(MODDB_CMD_SET)
                .number<std::uint32_t>(MODDB_A_ENTRY_FLAGS, MODDB_ENTRY_FLAGS_TTL_IF_NEW),
            "a flag of another operation");
    for (const std::uint32_t condition : {MODDB_CONDITION_TAG + 1u, 0xffffffffu})
        refused(socket, valid(MODDB_CMD_SET).number(MODDB_A_ENTRY_CONDITION, condition),
                "an unknown condition");
    for (const std::uint64_t ttl : {0ull, 1ull << 62, ~0ull})
        refused(socket, valid(MODDB_CMD_SET).number(MODDB_A_ENTRY_TTL, ttl), "a wrong time");
    refused(socket, valid(MODDB_CMD_SET).number<std::uint32_t>(MODDB_A_ENTRY_CONDITION, 3),
            "a condition without its version");
    refused(socket, valid(MODDB_CMD_SET).number<std::uint64_t>(MODDB_A_ENTRY_IF_VERSION, 3),
            "a version without its condition");
    refused(socket, valid(MODDB_CMD_SET).put(MODDB_A_ENTRY_IF_VALUE, "v"),
            "a value without its condition");
    refused(socket, valid(MODDB_CMD_UNWATCH), "a watch that does not exist");
    refused(socket, valid(MODDB_CMD_SYNC), "a watch that does not exist");
    refused(socket, valid(MODDB_CMD_GET).put(MODDB_A_ENTRY_DATABASE, {"nowhere", 8}),
            "no such database");
    refused(socket,
            valid(MODDB_CMD_INCR)
                .number<std::int64_t>(MODDB_A_ENTRY_MINIMUM, 2)
                .number<std::int64_t>(MODDB_A_ENTRY_MAXIMUM, 1),
            "bounds that exclude each other");
    for (const std::uint8_t command : {MODDB_CMD_DB_SET, MODDB_CMD_DB_DELETE})
        refused(socket, request(command).put(MODDB_A_DATABASE_NAME, {"default", 8}),
                "an ordinary user administers");
    for (const std::uint16_t attribute : {MODDB_A_DATABASE_MODE, MODDB_A_DATABASE_EVICT,
                                          MODDB_A_DATABASE_SHARED, MODDB_A_DATABASE_SEALED})
        for (const std::uint32_t number : {02000u, 0xffffffffu})
            refused(socket, valid(MODDB_CMD_DB_CREATE).number(attribute, number),
                    "a setting out of range");
    for (const std::string_view name : {std::string_view("\0", 1), std::string_view("", 0)})
        refused(socket, request(MODDB_CMD_DB_CREATE).put(MODDB_A_DATABASE_NAME, name),
                "a wrong name");
}

// With or without a reply, valid by chance or not: these must do no harm.
void damage()
{
    std::mt19937 random(1);
    for (unsigned i = 0; i < damaged;) {
        Socket socket;
        for (unsigned j = 0; j < 50; ++j, ++i) {
            const auto command = static_cast<std::uint8_t>(1 + random() % MODDB_CMD_MAX);
            std::string bytes = valid(command).bytes(0);
            for (unsigned hits = 1 + random() % 4; hits; --hits)
                bytes[NLMSG_HDRLEN + random() % (bytes.size() - NLMSG_HDRLEN)] =
                    static_cast<char>(random());
            test::require(socket.send(bytes), "send");
        }
        // There may be many replies, or none; closing the socket discards them.
    }
}

// ---------------------------------------------------------------- main

struct State {
    std::uint64_t revision, keys, bytes, databases, watches;
    bool operator==(const State &) const = default;
};

State state_of(moddb::Database &database)
{
    const moddb_database_info info = database.database("default");
    const struct moddb_stat stat = database.stat();
    return {info.revision, info.keys, info.bytes, stat.databases, stat.watches};
}

void as_nobody()
{
    test::require(setgid(nobody) == 0 && setuid(nobody) == 0, "setuid");
    Socket socket;
    family = socket.family(MODDB_FAMILY_NAME);
    test::require(family != 0, "the family is there");
    test::require(outcome(socket, valid(MODDB_CMD_GET)).error == 0, "a valid message is answered");
    wrong_lengths(socket);
    wrong_lengths_inside(socket);
    cut_off(socket);
    unanswered(socket);
    wrong_commands_and_flags(socket);
    wrong_nests(socket);
    too_long(socket);
    wrong_values(socket);
    std::printf("%u wrong messages refused\n", refusals);
}

void test_hostile()
{
    moddb::Database database;
    database.set("key-key-", "a value");
    const State before = state_of(database);
    test::Workers workers;
    workers.start(as_nobody);
    workers.wait();
    test::wait_until([&] { return state_of(database) == before; }, "the store is as it was");
    test::require(database.get("key-key-") == "a value", "the value is as it was");

    workers.start([] {
        family = Socket().family(MODDB_FAMILY_NAME);
        test::require(setgid(nobody) == 0 && setuid(nobody) == 0, "setuid");
        damage();
    });
    workers.wait();
    database.set("key-key-", "works");
    test::require(database.get("key-key-") == "works", "the store works");
    for (const moddb_database_info &info : database.databases())
        if (std::string(info.name) != "default")
            database.remove(info.name);
    database.clear("default");
}

} // namespace

int main()
{
    return test::run_test("hostile", test_hostile);
}
