// SPDX-License-Identifier: MIT
//
// The window's reader on windows in ordinary memory: its results, and its behaviour while a writer
// is active or has stopped, and on bytes that are not a window.
#include "builder.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <random>
#include <string>
#include <thread>
#include <vector>

using test::WindowBuilder;

namespace {

struct Answer {
    int what;
    std::string value;
    moddb_window_found found;
};

Answer read_alone(const struct moddb_window_view &view, std::string_view key, size_t room = 4096)
{
    Answer answer{MODDB_WINDOW_ASK, {}, {}};
    std::string buffer(room, '\0');
    answer.what = moddb_window_read(&view, key.data(), static_cast<__u32>(key.size()),
                                    buffer.data(), room, &answer.found);
    if (answer.what == MODDB_WINDOW_HIT && answer.found.value_len <= room)
        answer.value = buffer.substr(0, answer.found.value_len);
    return answer;
}

// The first of many reads at once, the others without room for the value: the longest path through
// the code.
Answer read_among_many(const struct moddb_window_view &view, std::string_view key,
                       size_t room = 4096)
{
    std::string buffer(room, '\0');
    moddb_window_want wants[2 * MODDB_WINDOW_AHEAD + 1]{};
    for (moddb_window_want &want : wants) {
        want.key = key.data();
        want.key_len = static_cast<__u32>(key.size());
    }
    wants[0].value = buffer.data();
    wants[0].room = room;
    moddb_window_read_many(&view, wants, std::size(wants));
    Answer answer{wants[0].answer, {}, wants[0].found};
    if (answer.what == MODDB_WINDOW_HIT && answer.found.value_len <= room)
        answer.value = buffer.substr(0, answer.found.value_len);
    return answer;
}

// Both, while nothing writes the window.
Answer read(const struct moddb_window_view &view, std::string_view key, size_t room = 4096)
{
    const Answer answer = read_alone(view, key, room), other = read_among_many(view, key, room);
    CHECK(other.what == answer.what);
    CHECK(other.value == answer.value);
    if (answer.what == MODDB_WINDOW_HIT) {
        CHECK(other.found.version == answer.found.version);
        CHECK(other.found.expires == answer.found.expires);
        CHECK(other.found.value_len == answer.found.value_len);
        CHECK(other.found.tag == answer.found.tag);
    }
    return answer;
}

// Keys that all belong to the bucket of the first one.
std::vector<std::string> keys_of_one_bucket(const WindowBuilder &window, size_t count)
{
    std::vector<std::string> keys{"first"};
    for (int i = 0; keys.size() < count; i++)
        if (std::string key = "key" + std::to_string(i);
            &window.bucket_of(key) == &window.bucket_of("first"))
            keys.push_back(key);
    return keys;
}

} // namespace

TEST_CASE("a read finds what was written, and nothing else")
{
    WindowBuilder window(256, 1 << 20);
    for (size_t length = 1; length <= 64; length++) {
        const std::string key(length, static_cast<char>('a' + length % 26));
        REQUIRE(window.set(key, "value of " + key, length));
    }
    window.set(std::string(1024, 'k'), std::string(3000, 'v'), 99, 12345);
    window.set(std::string("\0", 1), "", 100);
    window.set("tagged", "one", 101, 0, 77);
    window.set("both", "two", 102, 4711, 78);
    const auto view = window.view();
    for (size_t length = 1; length <= 64; length++) {
        const std::string key(length, static_cast<char>('a' + length % 26));
        const Answer answer = read(view, key);
        REQUIRE(answer.what == MODDB_WINDOW_HIT);
        CHECK(answer.value == "value of " + key);
        CHECK(answer.found.version == length);
        CHECK(answer.found.expires == 0);
        for (size_t at = 0; at < length; at++) {
            std::string other = key;
            other[at] ^= 1;
            if (other != key)
                CHECK(read(view, other).what == MODDB_WINDOW_MISS);
        }
    }
    CHECK(read(view, std::string(1024, 'k')).value == std::string(3000, 'v'));
    CHECK(read(view, std::string(1024, 'k')).found.expires == 12345);
    CHECK(read(view, std::string("\0", 1)).what == MODDB_WINDOW_HIT);
    CHECK(read(view, "a").found.tag == 0);
    CHECK(read(view, "tagged").value == "one");
    CHECK(read(view, "tagged").found.tag == 77);
    CHECK(read(view, "tagged").found.expires == 0);
    CHECK(read(view, "both").value == "two");
    CHECK(read(view, "both").found.tag == 78);
    CHECK(read(view, "both").found.expires == 4711);
    CHECK(read(view, std::string("\0\0", 2)).what == MODDB_WINDOW_MISS);
    window.erase("a");
    CHECK(read(view, "a").what == MODDB_WINDOW_MISS);
}

TEST_CASE("a buffer that is too small is not written")
{
    WindowBuilder window(256, 1 << 16);
    window.set("key", "twelve bytes");
    const auto view = window.view();
    std::array<char, 12> buffer{};
    moddb_window_found found;
    CHECK(moddb_window_read(&view, "key", 3, buffer.data(), 11, &found) == MODDB_WINDOW_HIT);
    CHECK(found.value_len == 12);
    CHECK(buffer[0] == '\0');
    CHECK(moddb_window_read(&view, "key", 3, buffer.data(), 12, &found) == MODDB_WINDOW_HIT);
    CHECK(std::string(buffer.data(), 12) == "twelve bytes");
}

TEST_CASE("a value of any length is copied to its last byte and no further")
{
    WindowBuilder window(256, 1 << 20);
    const auto view = window.view();
    for (const size_t longest : {size_t{200}, size_t{4100}})
        for (size_t length = longest - std::min<size_t>(longest, 200); length <= longest;
             length++) {
            std::string value(length, '\0');
            for (size_t i = 0; i < length; i++)
                value[i] = static_cast<char>('A' + i % 61);
            window.rewind(1);
            REQUIRE(window.set("the key", value));
            std::string buffer(length + 64, '#');
            moddb_window_found found;
            REQUIRE(moddb_window_read(&view, "the key", 7, buffer.data(), length, &found) ==
                    MODDB_WINDOW_HIT);
            CHECK(buffer == value + std::string(64, '#'));
            for (const size_t from : {size_t{0}, length / 3, length, length + 1}) {
                for (const size_t room : {size_t{0}, size_t{1}, length / 2, length + 9}) {
                    buffer.assign(length + 64, '#');
                    REQUIRE(moddb_window_read_part(&view, "the key", 7, from, buffer.data(), room,
                                                   &found) == MODDB_WINDOW_HIT);
                    REQUIRE(found.value_len == length);
                    const std::string part = value.substr(std::min(from, length), room);
                    REQUIRE(buffer == part + std::string(length + 64 - part.size(), '#'));
                }
            }
            buffer.assign(length + 64, '#');
            const bool is_short = length <= MODDB_WINDOW_TRY_MAX;
            REQUIRE(moddb_window_try_read(&view, "the key", 7, buffer.data(), length, &found) ==
                    (is_short ? int{MODDB_WINDOW_HIT} : -1));
            if (is_short)
                CHECK(buffer == value + std::string(64, '#'));
        }
}

TEST_CASE("try_read answers common reads, and returns -1 for others")
{
    WindowBuilder window(256, 1 << 20);
    const auto keys = keys_of_one_bucket(window, MODDB_WINDOW_SLOTS + 1);
    const auto view = window.view();
    std::array<char, 64> buffer;
    moddb_window_found found;
    const auto try_read = [&](const std::string &key, size_t room = 64) {
        return moddb_window_try_read(&view, key.data(), static_cast<__u32>(key.size()),
                                     buffer.data(), room, &found);
    };
    CHECK(try_read(keys[0]) == MODDB_WINDOW_MISS);
    window.set(keys[0], "value", 1, 4711);
    CHECK(try_read(keys[0]) == MODDB_WINDOW_HIT);
    CHECK(found.expires == 4711);
    CHECK(try_read(keys[0], 4) == MODDB_WINDOW_HIT);
    CHECK(found.value_len == 5);
    CHECK(moddb_window_unchanged(found.bucket, found.sequence));
    window.begin(keys[0]);
    CHECK(try_read(keys[0]) == -1);
    window.end(keys[0]);
    for (const std::string &key : keys)
        window.set(key, "value");
    CHECK(try_read(keys[1]) == MODDB_WINDOW_HIT);
    CHECK(found.expires == 0);
    CHECK(try_read(keys[MODDB_WINDOW_SLOTS]) == MODDB_WINDOW_ASK);
    window.retire();
    CHECK(try_read(keys[1]) == -1);
}

TEST_CASE("a read in a bucket that has overflowed finds its keys, and asks the kernel for others")
{
    WindowBuilder window(256, 1 << 20);
    const auto keys = keys_of_one_bucket(window, MODDB_WINDOW_SLOTS + 2);
    for (size_t i = 0; i < MODDB_WINDOW_SLOTS; i++)
        CHECK(window.set(keys[i], keys[i]));
    const auto view = window.view();
    CHECK(read(view, keys[MODDB_WINDOW_SLOTS]).what == MODDB_WINDOW_MISS);
    CHECK(!window.set(keys[MODDB_WINDOW_SLOTS], "too much"));
    for (size_t i = 0; i < MODDB_WINDOW_SLOTS; i++)
        CHECK(read(view, keys[i]).value == keys[i]);
    CHECK(read(view, keys[MODDB_WINDOW_SLOTS]).what == MODDB_WINDOW_ASK);
    CHECK(read(view, keys[MODDB_WINDOW_SLOTS + 1]).what == MODDB_WINDOW_ASK);
    window.erase(keys[3]);
    CHECK(read(view, keys[3]).what == MODDB_WINDOW_ASK);
}

TEST_CASE("a stopped writer, a retired window and pages of one byte lead to the kernel")
{
    WindowBuilder window(256, 1 << 16);
    window.set("key", "value");
    const auto view = window.view();
    const __u64 sequence = read(view, "key").found.sequence;
    window.begin("key");
    CHECK(read(view, "key").what == MODDB_WINDOW_ASK);
    window.write("key", "other");
    CHECK(read(view, "key").what == MODDB_WINDOW_ASK);
    window.end("key");
    CHECK(read(view, "key").value == "other");
    CHECK(!moddb_window_unchanged(&window.bucket_of("key"), sequence));
    // A writer that begins twice, as a transaction may, ends once.
    window.begin("key");
    window.begin("key");
    window.end("key");
    window.end("key");
    CHECK(read(view, "key").value == "other");
    window.retire();
    CHECK(read(view, "key").what == MODDB_WINDOW_ASK);
    for (const int byte : {0, 0xff}) {
        std::memset(window.memory(), byte, window.size());
        CHECK(read(view, "key").what == MODDB_WINDOW_ASK);
        CHECK(read(view, "none").what == MODDB_WINDOW_ASK);
        struct moddb_window_view other;
        CHECK(!moddb_window_view_init(&other, window.memory(), window.size()));
    }
}

TEST_CASE("a header with false values is refused")
{
    WindowBuilder window(512, 1 << 16);
    struct moddb_window_view view;
    const moddb_window_header good = *window.header();
    const auto refused = [&](auto &&change) {
        *window.header() = good;
        change(*window.header());
        return !moddb_window_view_init(&view, window.memory(), window.size());
    };
    CHECK(!refused([](moddb_window_header &) {}));
    CHECK(refused([](moddb_window_header &h) { h.magic++; }));
    CHECK(refused([](moddb_window_header &h) { h.layout++; }));
    CHECK(refused([](moddb_window_header &h) { h.buckets = 0; }));
    CHECK(refused([](moddb_window_header &h) { h.buckets++; }));
    CHECK(refused([](moddb_window_header &h) { h.buckets = 0xffffff00; }));
    CHECK(refused([](moddb_window_header &h) { h.buckets_offset++; }));
    CHECK(refused([&](moddb_window_header &h) { h.buckets_offset = window.size(); }));
    CHECK(refused([](moddb_window_header &h) { h.buckets_offset = ~63ULL; }));
    CHECK(refused([](moddb_window_header &h) { h.heap_offset += 8; }));
    CHECK(refused([](moddb_window_header &h) { h.heap_offset = ~15ULL; }));
    CHECK(refused([](moddb_window_header &h) { h.heap_size += 16; }));
    CHECK(refused([](moddb_window_header &h) { h.heap_size = ~15ULL; }));
    CHECK(!moddb_window_view_init(&view, window.memory(), sizeof(good) - 1));
}

// Every byte of a value depends on its number, so a torn value is detected; the number gives the
// order.
TEST_CASE("no reader sees a torn value, a stale one, or one of two keys that change together")
{
    WindowBuilder window(256, 1 << 20);
    const std::string keys[] = {"one", "another"};
    REQUIRE(&window.bucket_of(keys[0]) != &window.bucket_of(keys[1]));
    const auto value = [](__u64 number) {
        std::string bytes(1 + number * 7 % 300, static_cast<char>(number));
        return bytes;
    };
    for (const auto &key : keys)
        window.set(key, value(1), 1);
    std::atomic<bool> stop{false};
    std::atomic<__u64> done{1};
    std::thread writer([&] {
        for (__u64 number = 2; !stop; number++) {
            // As in a transaction: both odd before, both even after.
            for (const auto &key : keys)
                window.begin(key);
            for (const auto &key : keys) {
                window.remove(key);
                window.rewind(1 + (number & 1) * 100 + (&key - keys) * 40);
                window.write(key, value(number), number);
            }
            for (const auto &key : keys)
                window.end(key);
            done.store(number, std::memory_order_release);
        }
    });
    const auto view = window.view();
    __u64 hits = 0, asked = 0, torn = 0, old = 0, half = 0;
    for (int i = 0; i < 300000 || (!hits && i < 30000000); i++) {
        const __u64 before = done.load(std::memory_order_acquire);
        const auto read_one = i & 2 ? read_alone : read_among_many;
        const Answer first = read_one(view, keys[i & 1], 4096);
        if (first.what != MODDB_WINDOW_HIT) {
            asked += first.what == MODDB_WINDOW_ASK;
            torn += first.what == MODDB_WINDOW_MISS;
            continue;
        }
        hits++;
        torn += first.value != value(first.found.version);
        old += first.found.version < before;
        const Answer second = read_one(view, keys[~i & 1], 4096);
        if (second.what == MODDB_WINDOW_HIT)
            half += second.found.version < first.found.version;
    }
    stop = true;
    writer.join();
    CHECK(hits > 0);
    CHECK(torn == 0);
    CHECK(old == 0);
    CHECK(half == 0);
    MESSAGE(hits << " hits, " << asked << " asked");
}

TEST_CASE("random bytes never lead the reader out of the window")
{
    WindowBuilder window(256, 1 << 14);
    std::mt19937_64 random(1);
    std::vector<std::string> keys;
    for (int i = 0; i < 200; i++) {
        keys.push_back("key" + std::to_string(i));
        window.set(keys.back(), std::string(i, 'v'), 1 + i, i % 3 ? 0 : 7, i % 5 ? 0 : 9);
    }
    const auto view = window.view();
    const std::string good(reinterpret_cast<const char *>(window.memory()), window.size());
    // An unmapped page nearly always follows the mapping; the fuzzer uses the address sanitizer.
    for (int round = 0; round < 300; round++) {
        std::memcpy(window.memory(), good.data(), good.size());
        const size_t changes = 1 + random() % 4000;
        for (size_t i = 0; i < changes; i++)
            window.memory()[random() % window.size()] = static_cast<unsigned char>(random());
        for (const auto &key : keys) {
            const Answer answer = read(view, key, 64);
            CHECK((answer.what == MODDB_WINDOW_HIT || answer.what == MODDB_WINDOW_MISS ||
                   answer.what == MODDB_WINDOW_ASK));
            char part[16];
            moddb_window_found found;
            const int what =
                moddb_window_read_part(&view, key.data(), static_cast<__u32>(key.size()),
                                       random() % 300, part, sizeof(part), &found);
            CHECK((what == MODDB_WINDOW_HIT || what == MODDB_WINDOW_MISS ||
                   what == MODDB_WINDOW_ASK));
        }
    }
}
