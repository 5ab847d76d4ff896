// SPDX-License-Identifier: MIT
//
// Attributes as bytes: encoding, and decoding of malformed bytes.
#include "message.h"
#include "peer.h"

#include <random>

using namespace moddb_internal;
using test::attribute;
using test::bytes_of;

TEST_CASE("attributes are written as the kernel expects them")
{
    char buffer[64];
    std::memset(buffer, 'x', sizeof(buffer));
    Writer writer(buffer, buffer + sizeof(buffer));
    writer.put(3, "abcde");
    writer.put_u32(4, 0x01020304);
    writer.put_flag(5);
    writer.put_string(6, "abcd");
    const std::string expected("\x09\0\x03\0abcde\0\0\0"
                               "\x08\0\x04\0\x04\x03\x02\x01"
                               "\x04\0\x05\0"
                               "\x09\0\x06\0abcd\0\0\0\0",
                               36);
    CHECK(std::string(buffer, writer.position()) == expected);
    CHECK(!writer.full());
}

TEST_CASE("a nest has the length of its contents")
{
    char buffer[32];
    Writer writer(buffer, buffer + sizeof(buffer));
    char *nest = writer.begin_nest(2);
    writer.put(3, "ab");
    writer.end_nest(nest);
    CHECK(std::string(buffer, writer.position()) == std::string("\x0c\0\x02\x80\x06\0\x03\0"
                                                                "ab\0\0",
                                                                12));
}

TEST_CASE("a full buffer is never overrun, and stays an error")
{
    char buffer[17];
    buffer[16] = '!';
    Writer writer(buffer, buffer + 16);
    writer.put_u64(1, 1);
    char *mark = writer.position();
    writer.put_u32(2, 2);
    CHECK(writer.full());
    CHECK(writer.position() == mark);
    writer.put_string(3, "ab");
    CHECK(writer.full());
    writer.rewind(mark);
    CHECK(!writer.full());
    writer.put_flag(4);
    CHECK(!writer.full());
    CHECK(buffer[16] == '!');
}

TEST_CASE("an attribute longer than its length field is refused")
{
    std::string buffer(80000, '\0');
    Writer writer(buffer.data(), buffer.data() + buffer.size());
    writer.put(1, std::string(65532, 'x'));
    CHECK(writer.full());
    writer.rewind(buffer.data());
    char *nest = writer.begin_nest(1);
    writer.put(2, std::string(40000, 'x'));
    writer.put(2, std::string(30000, 'x'));
    writer.end_nest(nest);
    CHECK(writer.full());
}

TEST_CASE("an entry is read")
{
    const std::string message =
        attribute(MODDB_A_ENTRY_KEY, "key") + attribute(MODDB_A_ENTRY_VALUE, "value") +
        attribute(MODDB_A_ENTRY_VERSION, bytes_of(uint64_t{7})) + attribute(MODDB_A_ENTRY_PAD, "") +
        attribute(MODDB_A_ENTRY_UID, bytes_of(uint32_t{1000})) +
        attribute(MODDB_A_ENTRY_STATUS, bytes_of(int32_t{-ECANCELED})) +
        attribute(MODDB_A_ENTRY_NUMBER, bytes_of(int64_t{-3})) + attribute(999, "of the future");
    EntryFields fields;
    REQUIRE(read_entry(message, fields));
    CHECK(fields.key == "key");
    CHECK(fields.value == "value");
    CHECK(fields.has_value);
    CHECK(fields.value_length == 5);
    CHECK(fields.version == 7);
    CHECK(fields.uid == 1000);
    CHECK(fields.status == -ECANCELED);
    CHECK(fields.number == -3);
    CHECK(fields.ttl_ms == 0);
}

TEST_CASE("part of a value is not mistaken for the whole")
{
    const std::string message = attribute(MODDB_A_ENTRY_VALUE, "value") +
                                attribute(MODDB_A_ENTRY_VALUE_LENGTH, bytes_of(uint32_t{6}));
    EntryFields fields;
    REQUIRE(read_entry(message, fields));
    CHECK(!fields.has_value);
    CHECK(fields.value_length == 6);
}

TEST_CASE("malformed attributes are refused")
{
    const auto refused = [](std::string_view message) {
        EntryFields fields;
        return !read_entry(message, fields);
    };
    CHECK(refused("abc"));
    CHECK(refused(std::string_view("\0\0\x01\0", 4)));
    CHECK(refused(std::string_view("\x03\0\x01\0", 4)));
    CHECK(refused(std::string_view("\x08\0\x01\0", 4)));
    CHECK(refused(attribute(MODDB_A_ENTRY_KEY, "key") + "\x01"));
    CHECK(refused(attribute(MODDB_A_ENTRY_VERSION, bytes_of(uint32_t{1}))));
    CHECK(refused(attribute(MODDB_A_ENTRY_UID, bytes_of(uint64_t{1}))));
    CHECK(refused(attribute(MODDB_A_ENTRY_STATUS, bytes_of(int32_t{1}))));
    // More bytes than the value has, and a value longer than the limit.
    CHECK(refused(attribute(MODDB_A_ENTRY_VALUE, "value") +
                  attribute(MODDB_A_ENTRY_VALUE_LENGTH, bytes_of(uint32_t{4}))));
    CHECK(refused(attribute(MODDB_A_ENTRY_VALUE_LENGTH, bytes_of(uint32_t{MODDB_VALUE_MAX + 1}))));
}

TEST_CASE("random bytes never make the reader leave the message")
{
    std::minstd_rand random(20260101);
    for (int round = 0; round < 200000; ++round) {
        // In an allocation of its own, so that the sanitizers detect every byte beyond it.
        const size_t length = random() % 64;
        const std::unique_ptr<char[]> copy(new char[length]);
        for (size_t i = 0; i < length; ++i)
            copy[i] = static_cast<char>(random() % 3 ? random() % 12 : random());
        EntryFields fields;
        const std::string_view message(copy.get(), length);
        if (!read_entry(message, fields))
            continue;
        for (const std::string_view part : {fields.key, fields.value})
            CHECK((part.empty() || (part.data() >= message.data() &&
                                    part.data() + part.size() <= message.data() + length)));
    }
}
