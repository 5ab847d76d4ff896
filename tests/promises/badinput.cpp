// SPDX-License-Identifier: MIT
//
// Promise 14, and invalid input, accidental or hostile: each error says what was wrong and with
// which attribute, and changes nothing in the store.
#include "process.h"
#include "store.h"

#include "../support/netlink.hpp"

#include <linux/genetlink.h>
#include <moddb/netlink.h>

TEST_SUITE_BEGIN("badinput");

namespace {

// The store before and after.
struct Untouched {
    explicit Untouched(moddb_handle *db) : db(db), contents(listing(db)), info(database(db)) {}
    ~Untouched()
    {
        const moddb_database_info now = database(db);
        CHECK(listing(db) == contents);
        CHECK(now.revision == info.revision);
        CHECK(now.bytes == info.bytes);
        CHECK(now.keys == info.keys);
    }
    Untouched(const Untouched &) = delete;
    Untouched &operator=(const Untouched &) = delete;

    moddb_handle *db;
    Contents contents;
    moddb_database_info info;
};

// A store for one test, with an entry, and access to it without the library.
struct Raw {
    Raw()
    {
        REQUIRE(family != 0);
        REQUIRE(set(db, "there", "5") == 0);
    }

    test::Message message(uint8_t command) const { return {family, command, NLM_F_ACK}; }

    // "ERRNO MESSAGE", preceded by the type of the offending attribute if the reply names one.
    std::string ask(const test::Message &request)
    {
        const test::Answer answer = socket.ask(request).back();
        std::string blamed;
        if (const auto offset = answer.attribute(NLMSGERR_ATTR_OFFS)) {
            uint32_t at = 0;
            std::memcpy(&at, offset->data(), sizeof at);
            const std::string bytes = request.bytes(0);
            nlattr header;
            if (at + sizeof header <= bytes.size()) {
                std::memcpy(&header, bytes.data() + at, sizeof header);
                blamed = "attribute " + std::to_string(header.nla_type & NLA_TYPE_MASK) + ": ";
            }
        }
        return blamed + std::to_string(answer.error) + " " + answer.text;
    }

    Opened db;
    test::Socket socket;
    uint16_t family = socket.family("moddb");
};

// The beginning of a reply that names an offending attribute.
std::string blame(int attribute)
{
    return "attribute " + std::to_string(attribute) + ": -";
}

std::string blame(int attribute, int error, const std::string &text)
{
    return blame(attribute) + std::to_string(error) + " " + text;
}

// Whether the reply is EINVAL with a message, here one of the kernel, not of the module.
bool has_message(const std::string &answer)
{
    const size_t at = answer.find("-22 ");
    return at != std::string::npos && answer.size() > at + 15;
}

} // namespace

TEST_CASE("keys: empty, at the limit, past it, of any bytes")
{
    Raw raw;
    {
        const Untouched untouched(raw.db);
        CHECK(set(raw.db, "", "v") == -EINVAL);
        CHECK(raw.db.text().find("empty") != std::string::npos);
        CHECK(get(raw.db, "") == "(errno 22)");
        CHECK(del(raw.db, "") == -EINVAL);
        CHECK(incr(raw.db, "", 1) == -EINVAL);
        const int status = set(raw.db, std::string(MODDB_KEY_MAX + 1, 'k'), "v");
        CHECK((status == -EMSGSIZE || status == -EINVAL));
        CHECK(raw.db.text().find("key") != std::string::npos);
        CHECK(get(raw.db, std::string(MODDB_KEY_MAX + 1, 'k')) != "5");
        for (const uint8_t command :
             {MODDB_CMD_GET, MODDB_CMD_SET, MODDB_CMD_DEL, MODDB_CMD_INCR}) {
            CAPTURE(command);
            CHECK(raw.ask(raw.message(command)) == "-22 a key is needed");
            CHECK(raw.ask(raw.message(command).put(MODDB_A_ENTRY_KEY, "")) ==
                  blame(MODDB_A_ENTRY_KEY, EINVAL, "the key is empty"));
            const std::string longer = raw.ask(
                raw.message(command).put(MODDB_A_ENTRY_KEY, std::string(MODDB_KEY_MAX + 1, 'k')));
            CHECK(longer.find(blame(MODDB_A_ENTRY_KEY)) == 0);
            CHECK(longer.size() > 25);
        }
        for (const std::uint16_t kind : {MODDB_A_ENTRY_KEY, MODDB_A_ENTRY_PREFIX})
            CHECK(
                raw.ask(raw.message(MODDB_CMD_WATCH)
                            .nest(MODDB_A_ENTRY_PATTERN, test::Message::nested().put(kind, ""))) ==
                blame(MODDB_A_ENTRY_PATTERN, EINVAL, "the pattern is empty"));
    }
    using namespace std::string_view_literals;
    for (const std::string_view key :
         {"/"sv, "a/b"sv, "../x"sv, "."sv, "\0"sv, "\0\0"sv, "a\nb"sv, "\xff\xfe"sv, " "sv}) {
        CHECK(set(raw.db, key, "v") == 0);
        CHECK(get(raw.db, key) == "v");
    }
    CHECK(get(raw.db, "\0\0\0"sv) == "(errno 2)");
    const std::string longest(MODDB_KEY_MAX, '\n');
    CHECK(set(raw.db, longest, "v") == 0);
    CHECK(get(raw.db, longest) == "v");
    CHECK(listing(raw.db).size() == 11);
}

TEST_CASE("values: empty, at the limit, past it, and beyond what the module allows")
{
    Raw raw;
    const std::string largest = long_value(MODDB_VALUE_MAX, 1);
    CHECK(set(raw.db, "k", "") == 0);
    CHECK(get(raw.db, "k") == "");
    CHECK(set(raw.db, "k", largest) == 0);
    CHECK(get(raw.db, "k") == largest);
    {
        const Untouched untouched(raw.db);
        CHECK(set(raw.db, "k", largest + "x") == -EMSGSIZE);
        CHECK(raw.db.text().find("value") != std::string::npos);
        CHECK(raw.ask(raw.message(MODDB_CMD_SET).put(MODDB_A_ENTRY_KEY, "k")) ==
              "-22 a value is required (it may be empty)");
        CHECK(raw.ask(raw.message(MODDB_CMD_SET)
                          .put(MODDB_A_ENTRY_KEY, "k")
                          .put(MODDB_A_ENTRY_VALUE, std::string(MODDB_INLINE_MAX + 1, 'v')))
                  .find(blame(MODDB_A_ENTRY_VALUE)) == 0);
        const Parameter most("max_value", "1000");
        CHECK(set(raw.db, "k", std::string(1001, 'v')) == -EMSGSIZE);
        CHECK(raw.db.text() == "the value is longer than max_value allows");
        CHECK(set(raw.db, "k", std::string(40'000, 'v')) == -EMSGSIZE);
        CHECK(raw.db.text() == "the value is longer than max_value allows");
    }
    const Parameter most("max_value", "1000");
    CHECK(set(raw.db, "k", std::string(1000, 'v')) == 0);
    CHECK(set(raw.db, "k", "short") == 0);
}

TEST_CASE("long values in parts: out of order, too long, none, of another session")
{
    Raw raw;
    const Untouched untouched(raw.db);
    const auto stage = [&](uint32_t offset, std::string_view part, uint32_t length) {
        test::Message message = raw.message(MODDB_CMD_STAGE);
        message.number(MODDB_A_ENTRY_OFFSET, offset).put(MODDB_A_ENTRY_VALUE, part);
        if (length)
            message.number(MODDB_A_ENTRY_VALUE_LENGTH, length);
        return raw.ask(message);
    };
    const auto use = [&] {
        return raw.ask(
            raw.message(MODDB_CMD_SET).put(MODDB_A_ENTRY_KEY, "k").put(MODDB_A_ENTRY_STAGED, ""));
    };
    const std::string nothing = "-22 no value is staged, or not all of it";
    const std::string wrong = blame(MODDB_A_ENTRY_OFFSET, EINVAL,
                                    "the part does not follow the one before, or is too long");
    CHECK(use() == nothing);
    CHECK(stage(5, "part", 0) == wrong);
    CHECK(stage(0, "part", 0) == "-22 the first part needs value-length");
    CHECK(stage(0, "part", 10) == "0 ");
    CHECK(use() == nothing);
    CHECK(stage(5, "part", 0) == wrong);
    CHECK(stage(3, "part", 0) == wrong);
    CHECK(stage(4, "7 bytes", 0) == wrong);
    CHECK(stage(0, "more than said", 4) == wrong);
    CHECK(stage(0, "", 4).substr(0, 4) == "-22 ");
    CHECK(stage(0, "part", MODDB_VALUE_MAX + 1) ==
          blame(MODDB_A_ENTRY_VALUE_LENGTH, EMSGSIZE, "the value is longer than max_value allows"));
    CHECK(use() == nothing);
    CHECK(stage(0, "whole", 5) == "0 ");
    {
        test::Socket other;
        const auto answer = other.ask(
            raw.message(MODDB_CMD_SET).put(MODDB_A_ENTRY_KEY, "k").put(MODDB_A_ENTRY_STAGED, ""));
        CHECK(answer.back().error == -EINVAL);
    }
    CHECK(raw.ask(raw.message(MODDB_CMD_SET)
                      .put(MODDB_A_ENTRY_KEY, "k")
                      .put(MODDB_A_ENTRY_VALUE, "v")
                      .put(MODDB_A_ENTRY_STAGED, "")) ==
          blame(MODDB_A_ENTRY_VALUE, EINVAL, "a value was staged already"));
}

TEST_CASE("names of databases")
{
    Raw raw;
    const Untouched untouched(raw.db);
    const uint64_t before = module_stat(raw.db).databases;
    using namespace std::string_literals;
    const std::string text =
        "a name has 1 to 63 printable characters, no slash, and no dot in front";
    const std::string replace_names[] = {"a/b", "/",       "a\nb", "a\tb", "a b",     ".",
                                         "..",  ".hidden", "\x7f", "\x80", "\xc3\xa4"};
    REQUIRE(moddb_database_create(raw.db, "source", nullptr) == 0);
    for (const std::string &name : replace_names) {
        CAPTURE(name);
        CHECK(moddb_database_create(raw.db, name.c_str(), nullptr) == -EINVAL);
        CHECK(raw.ask(raw.message(MODDB_CMD_DB_CREATE).put(MODDB_A_DATABASE_NAME, name + "\0"s)) ==
              blame(MODDB_A_DATABASE_NAME, EINVAL, text));
        moddb_handle *handle = nullptr;
        CHECK(moddb_open(name.c_str(), nullptr, &handle) < 0);
        // The other requests with a name refuse it, too.
        CHECK(raw.ask(raw.message(MODDB_CMD_DB_REPLACE)
                          .nest(MODDB_A_DATABASE_REPLACE,
                                test::Message::nested()
                                    .put(MODDB_A_DATABASE_NAME, name + "\0"s)
                                    .put(MODDB_A_DATABASE_SOURCE, "source\0"s)))
                  .find("-22 ") != std::string::npos);
    }
    REQUIRE(moddb_database_delete(raw.db, "source") == 0);
    CHECK(moddb_database_create(raw.db, "", nullptr) == -EINVAL);
    CHECK(moddb_database_create(raw.db, std::string(64, 'n').c_str(), nullptr) == -EINVAL);
    CHECK(raw.ask(raw.message(MODDB_CMD_DB_CREATE)) == "-22 a name is needed");
    CHECK(raw.ask(raw.message(MODDB_CMD_DB_CREATE).put(MODDB_A_DATABASE_NAME, "\0"s)) ==
          blame(MODDB_A_DATABASE_NAME, EINVAL, text));
    // Without a NUL at the end, or too long.
    CHECK(raw.ask(raw.message(MODDB_CMD_DB_CREATE).put(MODDB_A_DATABASE_NAME, "abc"))
              .find(blame(MODDB_A_DATABASE_NAME)) == 0);
    CHECK(raw.ask(raw.message(MODDB_CMD_DB_CREATE)
                      .put(MODDB_A_DATABASE_NAME, std::string(64, 'n') + "\0"s))
              .find(blame(MODDB_A_DATABASE_NAME)) == 0);
    CHECK(raw.ask(raw.message(MODDB_CMD_GET)
                      .put(MODDB_A_ENTRY_DATABASE, "no such\0"s)
                      .put(MODDB_A_ENTRY_KEY, "k")) ==
          blame(MODDB_A_ENTRY_DATABASE, ENXIO, "there is no database of that name"));
    CHECK(moddb_database_create(raw.db, "default", nullptr) == -EEXIST);
    CHECK(moddb_database_delete(raw.db, "default") == -EPERM);
    CHECK(raw.db.text() == "the database \"default\" always exists; clear it instead");
    CHECK(module_stat(raw.db).databases == before);
    const std::string longest(63, 'n');
    CHECK(moddb_database_create(raw.db, longest.c_str(), nullptr) == 0);
    CHECK(moddb_database_create(raw.db, longest.c_str(), nullptr) == -EEXIST);
    CHECK(moddb_database_delete(raw.db, longest.c_str()) == 0);
}

TEST_CASE("settings of databases")
{
    Raw raw;
    const Database target("target");
    using namespace std::string_literals;
    const auto alter = [&](uint16_t type, uint32_t value) {
        return raw.ask(raw.message(MODDB_CMD_DB_SET)
                           .put(MODDB_A_DATABASE_NAME, "target\0"s)
                           .number(type, value));
    };
    for (const uint32_t mode : {0777u, 0111u, 02000u, 01666u + 1, UINT32_MAX}) {
        CAPTURE(mode);
        CHECK(alter(MODDB_A_DATABASE_MODE, mode).find(blame(MODDB_A_DATABASE_MODE)) == 0);
    }
    for (const uint16_t type :
         {MODDB_A_DATABASE_EVICT, MODDB_A_DATABASE_SHARED, MODDB_A_DATABASE_SEALED})
        CHECK(alter(type, 2).find(blame(type)) == 0);
    CHECK(alter(MODDB_A_DATABASE_OWNER, UINT32_MAX) ==
          blame(MODDB_A_DATABASE_OWNER, EINVAL, "there is no such user in this user namespace"));
    CHECK(alter(MODDB_A_DATABASE_GROUP, UINT32_MAX) ==
          blame(MODDB_A_DATABASE_GROUP, EINVAL, "there is no such group in this user namespace"));
    CHECK(has_message(raw.ask(raw.message(MODDB_CMD_DB_SET)
                                  .put(MODDB_A_DATABASE_NAME, "target\0"s)
                                  .put(MODDB_A_DATABASE_EPHEMERAL, ""))));
    const moddb_database_info info = database(target.keeper, "target");
    CHECK(info.ephemeral == 0);
    CHECK(info.mode == 0600);
    CHECK(info.owner == 0);
    CHECK(info.evict + info.shared + info.sealed == 0);
}

TEST_CASE("times: zero, beyond 100 years, negative")
{
    Raw raw;
    const Untouched untouched(raw.db);
    constexpr uint64_t century = 36525ull * 24 * 3600 * 1000;
    const auto with = [&](uint64_t ttl) {
        return raw.ask(raw.message(MODDB_CMD_SET)
                           .put(MODDB_A_ENTRY_KEY, "k")
                           .put(MODDB_A_ENTRY_VALUE, "v")
                           .number(MODDB_A_ENTRY_TTL, ttl));
    };
    CHECK(with(0) == blame(MODDB_A_ENTRY_TTL, EINVAL, "ttl is 0; the least is 1 millisecond"));
    for (const uint64_t ttl : {century + 1, static_cast<uint64_t>(-1),
                               static_cast<uint64_t>(INT64_MIN), UINT64_MAX / 1'000'000})
        CHECK(with(ttl) == blame(MODDB_A_ENTRY_TTL, EINVAL, "ttl is more than 100 years"));
    CHECK(set(raw.db, "k", "v", for_ms(century + 1)) == -EINVAL);
    CHECK(raw.db.text().find("100 years") != std::string::npos);
    moddb_incr_options options = MODDB_INIT(options);
    options.ttl_ms = UINT64_MAX;
    CHECK(incr(raw.db, "there", 1, nullptr, &options) == -EINVAL);
}

TEST_CASE("inconsistent conditions and counters")
{
    Raw raw;
    const Untouched untouched(raw.db);
    const auto message = [&] {
        test::Message request = raw.message(MODDB_CMD_SET);
        request.put(MODDB_A_ENTRY_KEY, "there").put(MODDB_A_ENTRY_VALUE, "x");
        return request;
    };
    const std::string version = "if-version and the condition version need each other";
    const std::string value = "if-value and the condition value need each other";
    CHECK(raw.ask(message().number(MODDB_A_ENTRY_CONDITION, uint32_t{MODDB_CONDITION_VERSION})) ==
          "-22 " + version);
    CHECK(raw.ask(message().number(MODDB_A_ENTRY_IF_VERSION, uint64_t{1})) ==
          blame(MODDB_A_ENTRY_IF_VERSION, EINVAL, version));
    CHECK(raw.ask(message().number(MODDB_A_ENTRY_CONDITION, uint32_t{MODDB_CONDITION_VALUE})) ==
          "-22 " + value);
    CHECK(raw.ask(message().put(MODDB_A_ENTRY_IF_VALUE, "5")) ==
          blame(MODDB_A_ENTRY_IF_VALUE, EINVAL, value));
    CHECK(raw.ask(message().number(MODDB_A_ENTRY_CONDITION, uint32_t{99}))
              .find(blame(MODDB_A_ENTRY_CONDITION)) == 0);
    CHECK(raw.ask(message().number(MODDB_A_ENTRY_FLAGS, uint32_t{0x80}))
              .find(blame(MODDB_A_ENTRY_FLAGS)) == 0);
    // Of the wrong size, and attributes that this request does not have.
    CHECK(raw.ask(message().number(MODDB_A_ENTRY_FLAGS, uint8_t{1}))
              .find(blame(MODDB_A_ENTRY_FLAGS)) == 0);
    CHECK(has_message(raw.ask(message().number(MODDB_A_ENTRY_DELTA, int64_t{1}))));
    CHECK(has_message(raw.ask(message().number(200, int64_t{1}))));
    CHECK(raw.ask(raw.message(MODDB_CMD_INCR)
                      .put(MODDB_A_ENTRY_KEY, "there")
                      .number(MODDB_A_ENTRY_MINIMUM, int64_t{2})
                      .number(MODDB_A_ENTRY_MAXIMUM, int64_t{1})) ==
          blame(MODDB_A_ENTRY_MINIMUM, EINVAL, "minimum is greater than maximum"));
    const std::string text = "the condition does not hold: ";
    CHECK(set(raw.db, "there", "x", when(MODDB_IF_VERSION, UINT64_MAX)) == -ECANCELED);
    CHECK(raw.db.text() ==
          text + "the entry has version " + std::to_string(info_of(raw.db, "there").version));
    CHECK(set(raw.db, "missing", "x", when(MODDB_IF_VERSION, UINT64_MAX)) == -ECANCELED);
    CHECK(raw.db.text() == text + "there is no such key");
    CHECK(set(raw.db, "there", "x", when(static_cast<moddb_if>(99))) == -EINVAL);
    CHECK(raw.db.text() == "unknown condition 99");
    moddb_write_options options = MODDB_INIT(options);
    options.flags = 0xff;
    CHECK(set(raw.db, "there", "x", options) == -EINVAL);
    CHECK(listing(raw.db, "", UINT64_MAX).empty());
}

TEST_CASE("a truncated batch, and malformed operations")
{
    Raw raw;
    const Untouched untouched(raw.db);
    const auto op = [](uint32_t code, std::string_view key) {
        test::Message message =
            test::Message::nested().number(MODDB_A_ENTRY_CODE, code).put(MODDB_A_ENTRY_KEY, key);
        return code == MODDB_OP_CODE_SET ? message.put(MODDB_A_ENTRY_VALUE, "x") : message;
    };
    for (const uint8_t command : {MODDB_CMD_BATCH, MODDB_CMD_TXN}) {
        CAPTURE(command);
        CHECK(raw.ask(raw.message(command)) == "-22 there are no operations");
        const auto with = [&](const test::Message &bad) {
            return raw.ask(raw.message(command)
                               .nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_SET, "new"))
                               .nest(MODDB_A_ENTRY_OP, bad));
        };
        CHECK(with(op(77, "k")).find(blame(MODDB_A_ENTRY_CODE)) == 0);
        CHECK(with(op(MODDB_OP_CODE_SET, std::string(MODDB_KEY_MAX + 1, 'k')))
                  .find(blame(MODDB_A_ENTRY_KEY)) == 0);
        // The last attribute claims to extend beyond the operation.
        nlattr beyond{200, MODDB_A_ENTRY_VALUE};
        CHECK(with(test::Message::nested().raw(
                       {reinterpret_cast<const char *>(&beyond), sizeof beyond}))
                  .find("-22 bytes leftover after parsing attributes") != std::string::npos);
        // The same for the message: the complete operation is not done either.
        nlattr cut{200, static_cast<uint16_t>(MODDB_A_ENTRY_OP | NLA_F_NESTED)};
        CHECK(raw.ask(raw.message(command)
                          .nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_SET, "new"))
                          .raw({reinterpret_cast<const char *>(&cut), sizeof cut}))
                  .find("-22 bytes leftover after parsing attributes") != std::string::npos);
    }
    const auto set_code =
        test::Message::nested().number(MODDB_A_ENTRY_CODE, uint32_t{MODDB_OP_CODE_SET});
    const struct {
        test::Message op;
        int blamed;
        const char *text;
    } bad_ops[] = {
        {op(MODDB_OP_CODE_SET, ""), MODDB_A_ENTRY_KEY, "the key is empty"},
        {set_code, MODDB_A_ENTRY_OP, "a key is needed"},
        {test::Message(set_code).put(MODDB_A_ENTRY_KEY, "k"), MODDB_A_ENTRY_OP,
         "a value is required (it may be empty)"},
        {op(MODDB_OP_CODE_SET, "k").number(MODDB_A_ENTRY_TTL, uint64_t{0}), MODDB_A_ENTRY_TTL,
         "ttl is 0; the least is 1 millisecond"},
        {op(MODDB_OP_CODE_DEL, "k").number(MODDB_A_ENTRY_TTL, uint64_t{5}), MODDB_A_ENTRY_TTL,
         "the operation does not take this attribute"},
        {op(MODDB_OP_CODE_TOUCH, "k").number(MODDB_A_ENTRY_FLAGS, uint32_t{1}), MODDB_A_ENTRY_FLAGS,
         "the operation does not take this attribute"},
        {op(MODDB_OP_CODE_SET, "k").number(MODDB_A_ENTRY_DELTA, int64_t{5}), MODDB_A_ENTRY_DELTA,
         "the operation does not take this attribute"},
        {op(MODDB_OP_CODE_CHECK, "k").put(MODDB_A_ENTRY_VALUE, "v"), MODDB_A_ENTRY_VALUE,
         "the operation does not take this attribute"},
        {op(MODDB_OP_CODE_SET, "k")
             .number(MODDB_A_ENTRY_TTL, uint64_t{5})
             .number(MODDB_A_ENTRY_FLAGS, uint32_t{MODDB_ENTRY_FLAGS_TTL_IF_NEW}),
         MODDB_A_ENTRY_FLAGS, "only an incr takes the flag ttl-if-new"},
        {op(MODDB_OP_CODE_INCR, "k")
             .number(MODDB_A_ENTRY_FLAGS, uint32_t{MODDB_ENTRY_FLAGS_TTL_IF_NEW}),
         MODDB_A_ENTRY_FLAGS, "the flag ttl-if-new needs a ttl"},
    };
    for (const auto &bad : bad_ops) {
        CAPTURE(bad.text);
        CHECK(raw.ask(raw.message(MODDB_CMD_TXN)
                          .nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_SET, "new"))
                          .nest(MODDB_A_ENTRY_OP, bad.op)) == blame(bad.blamed, EINVAL, bad.text));
        // In a batch it is only the status of the operation.
        const auto answers =
            raw.socket.ask(raw.message(MODDB_CMD_BATCH)
                               .nest(MODDB_A_ENTRY_OP, bad.op)
                               .nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_GET, "there")));
        REQUIRE(answers.size() == 2);
        const auto status = answers[0].attribute(MODDB_A_ENTRY_RESULT);
        REQUIRE(status);
        REQUIRE(status->size() == NLA_HDRLEN + sizeof(int32_t));
        int32_t number;
        std::memcpy(&number, status->data() + NLA_HDRLEN, sizeof number);
        CHECK(number == -EINVAL);
        CHECK(answers[0].attributes.size() > 2 * NLA_HDRLEN + sizeof(int32_t));
    }
    test::Message longest = raw.message(MODDB_CMD_TXN);
    for (int i = 0; i <= MODDB_TXN_MAX; ++i)
        longest.nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_SET, "k" + std::to_string(i)));
    CHECK(raw.ask(longest) == "-7 a transaction has at most 1024 operations");
    CHECK(raw.ask(raw.message(MODDB_CMD_TXN)
                      .nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_SET, "k"))
                      .nest(MODDB_A_ENTRY_OP, op(MODDB_OP_CODE_DEL, "k"))) ==
          blame(MODDB_A_ENTRY_OP, EINVAL, "a transaction writes each key at most once"));
}

TEST_CASE("in a batch each operation has its result, in the order in which operations were sent")
{
    Raw raw;
    const std::string longest(MODDB_KEY_MAX, 'k');
    const auto op = test::Message::nested().put(MODDB_A_ENTRY_KEY, longest);
    const auto answers = raw.socket.ask(
        raw.message(MODDB_CMD_BATCH)
            .nest(MODDB_A_ENTRY_OP, test::Message(op).put(MODDB_A_ENTRY_VALUE, "value"))
            .nest(MODDB_A_ENTRY_OP, test::Message::nested()
                                        .put(MODDB_A_ENTRY_KEY, "")
                                        .put(MODDB_A_ENTRY_VALUE, "value"))
            .nest(MODDB_A_ENTRY_OP, op)
            .nest(MODDB_A_ENTRY_OP,
                  test::Message(op).number(MODDB_A_ENTRY_CODE, uint32_t{MODDB_OP_CODE_DEL})));
    REQUIRE(answers.size() == 2);
    std::vector<std::vector<uint16_t>> reported;
    for (std::string_view rest = answers[0].attributes; rest.size() >= NLA_HDRLEN;) {
        nlattr result, first;
        std::memcpy(&result, rest.data(), sizeof result);
        std::memcpy(&first, rest.data() + NLA_HDRLEN, sizeof first);
        reported.push_back({result.nla_len, first.nla_type});
        rest.remove_prefix(std::min<size_t>(NLA_ALIGN(result.nla_len), rest.size()));
    }
    const uint16_t version = 2 * NLA_HDRLEN + sizeof(uint64_t);
    const uint16_t status = 2 * NLA_HDRLEN + sizeof(int32_t);
    REQUIRE(reported.size() == 4);
    CHECK(reported[0] == std::vector<uint16_t>{version, MODDB_A_ENTRY_VERSION});
    CHECK(reported[1] == std::vector<uint16_t>{status, MODDB_A_ENTRY_STATUS});
    CHECK(reported[2][0] > version);
    CHECK(reported[3] == std::vector<uint16_t>{version, MODDB_A_ENTRY_VERSION});
}

TEST_CASE("every failure of an operation has a message")
{
    Raw raw;
    const auto entry = [&](uint8_t command, std::string_view key) {
        test::Message request = raw.message(command);
        request.put(MODDB_A_ENTRY_KEY, key);
        if (command == MODDB_CMD_SET)
            request.put(MODDB_A_ENTRY_VALUE, "x");
        return request;
    };
    const Untouched untouched(raw.db);
    CHECK(raw.ask(entry(MODDB_CMD_GET, "missing")) ==
          blame(MODDB_A_ENTRY_KEY, ENOENT, "there is no such key"));
    CHECK(raw.ask(entry(MODDB_CMD_DEL, "missing")).find("-2 there is no such key") !=
          std::string::npos);
    CHECK(raw.ask(raw.message(MODDB_CMD_SYNC).number(MODDB_A_ENTRY_WATCH_ID, uint32_t{1})) ==
          blame(MODDB_A_ENTRY_WATCH_ID, ENOENT, "there is no such watch, or it has ended"));
    CHECK(raw.ask(raw.message(MODDB_CMD_UNWATCH)) == "-22 a watch-id is needed");
    for (const auto &pattern :
         {test::Message::nested(),
          test::Message::nested().put(MODDB_A_ENTRY_KEY, "k").put(MODDB_A_ENTRY_PREFIX, "k")})
        CHECK(raw.ask(raw.message(MODDB_CMD_WATCH).nest(MODDB_A_ENTRY_PATTERN, pattern)) ==
              blame(MODDB_A_ENTRY_PATTERN, EINVAL, "a pattern is a key or a prefix"));
    {
        test::Message many = raw.message(MODDB_CMD_WATCH);
        for (int i = 0; i <= MODDB_PATTERNS_MAX; ++i)
            many.nest(MODDB_A_ENTRY_PATTERN,
                      test::Message::nested().put(MODDB_A_ENTRY_KEY, "k" + std::to_string(i)));
        CHECK(raw.ask(many) == "-7 a watch has at most 64 patterns");
    }
    CHECK(raw.ask(raw.message(MODDB_CMD_DB_REPLACE)
                      .nest(MODDB_A_DATABASE_REPLACE, test::Message::nested()))
              .find("a name and another database as source are needed") != std::string::npos);
    // An unknown command of the family.
    CHECK(raw.ask(raw.message(99)) == "-95 ");
    CHECK(raw.ask(raw.message(MODDB_CMD_EVENT)) == "-95 ");
}

TEST_CASE("a user other than root has a limit of watches")
{
    CHECK(as_user(1000, [] {
              const Session db;
              std::vector<moddb_watch *> begun;
              moddb_watch *watch = nullptr;
              int status = 0;
              while (begun.size() < 1000 && !(status = moddb_watch_open(db, nullptr, &watch)))
                  begun.push_back(watch);
              const std::string got = std::to_string(begun.size()) + "; " + std::to_string(status) +
                                      " " + moddb_error_text(db) + "; " +
                                      std::to_string(module_stat(db).watches);
              moddb_watch_close(begun.back());
              return got + "; " + std::to_string(moddb_watch_open(db, nullptr, &watch));
          }) == "256; -122 the user's limit of watches (max_user_watches) is reached; 256; 0");
}

TEST_SUITE_END();
