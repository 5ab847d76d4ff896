// SPDX-License-Identifier: MIT
//
// Tags: 32 bits of each entry for the use of applications. A write sets the tag, a touch and an
// increment keep it, conditions compare it, and everything that describes an entry contains it.
#include "store.h"

#include <moddb/device.h>
#include <moddb/window.h>

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

TEST_SUITE_BEGIN("tag");

namespace {

moddb_write_options with_tag(uint32_t tag)
{
    moddb_write_options options = MODDB_INIT(options);
    options.tag = tag;
    return options;
}

moddb_write_options if_tag(uint32_t tag)
{
    moddb_write_options options = when(MODDB_IF_TAG);
    options.if_tag = tag;
    return options;
}

uint32_t tag_of(moddb_handle *handle, std::string_view key)
{
    return info_of(handle, key).tag;
}

// Reads a key from the window of "default".
moddb_window_found in_window(std::string_view key)
{
    moddb_window_found found{};
    const int fd = open("/dev/moddb", O_RDWR | O_CLOEXEC);
    moddb_device_bind bind{};
    bind.rights = MODDB_RIGHT_READ;
    REQUIRE(ioctl(fd, MODDB_IOC_BIND, &bind) == 0);
    moddb_device_window window{};
    window.layout = MODDB_WINDOW_LAYOUT;
    REQUIRE(ioctl(fd, MODDB_IOC_WINDOW, &window) == 0);
    void *mapping =
        mmap(nullptr, window.size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(window.offset));
    REQUIRE(mapping != MAP_FAILED);
    struct moddb_window_view view;
    REQUIRE(moddb_window_view_init(&view, mapping, window.size) == 1);
    char value[256];
    CHECK(eventually([&] {
        return moddb_window_read(&view, key.data(), static_cast<uint32_t>(key.size()), value,
                                 sizeof value, &found) == MODDB_WINDOW_HIT;
    }));
    munmap(mapping, window.size);
    close(fd);
    return found;
}

} // namespace

TEST_CASE("a set assigns the tag, and a set without a tag removes it")
{
    const Opened db;
    for (const uint32_t tag : {1u, 0x80000000u, UINT32_MAX}) {
        REQUIRE(set(db, "k", "v", with_tag(tag)) == 0);
        CHECK(tag_of(db, "k") == tag);
        CHECK(get(db, "k") == "v");
        REQUIRE(set(db, "k", "v") == 0);
        CHECK(tag_of(db, "k") == 0);
    }
    moddb_write_options all = with_tag(7);
    all.ttl_ms = 3'600'000;
    all.flags = MODDB_EPHEMERAL;
    REQUIRE(set(db, "all", long_value(200'000, 1), all) == 0);
    CHECK(tag_of(db, "all") == 7);
    moddb_previous previous = MODDB_INIT(previous);
    const moddb_write_options swapped = with_tag(8);
    CHECK(moddb_swap(db, "new", 3, "v", 1, &swapped, nullptr, &previous) == 0);
    CHECK(tag_of(db, "new") == 8);
    // Other operations reject a tag.
    const moddb_write_options tagged = with_tag(1);
    CHECK(del(db, "k", &tagged) == -EINVAL);
    CHECK(db.text() == "this operation has no tag");
    CHECK(touch(db, "k", &tagged) == -EINVAL);
}

TEST_CASE("touch and incr keep the tag")
{
    const Opened db;
    REQUIRE(set(db, "n", "5", with_tag(3)) == 0);
    const moddb_write_options hour = for_ms(3'600'000);
    REQUIRE(touch(db, "n", &hour) == 0);
    CHECK(tag_of(db, "n") == 3);
    moddb_incr_options options = MODDB_INIT(options);
    options.tag = 4;
    REQUIRE(incr(db, "n", 1, nullptr, &options) == 0);
    CHECK(tag_of(db, "n") == 3);
    CHECK(info_of(db, "n").ttl_ms > 0);
    // A counter that incr creates gets the tag.
    REQUIRE(incr(db, "made", 1, nullptr, &options) == 0);
    CHECK(tag_of(db, "made") == 4);
    REQUIRE(incr(db, "made", 1) == 0);
    CHECK(tag_of(db, "made") == 4);
    // The tag of an expired counter is not kept.
    REQUIRE(set(db, "gone", "1", [] {
                moddb_write_options brief = with_tag(9);
                brief.ttl_ms = 1;
                return brief;
            }()) == 0);
    REQUIRE(eventually([&] { return get(db, "gone") == "(errno 2)"; }));
    REQUIRE(incr(db, "gone", 1) == 0);
    CHECK(tag_of(db, "gone") == 0);
}

TEST_CASE("a condition compares the tag")
{
    const Opened db;
    REQUIRE(set(db, "k", "v", with_tag(3)) == 0);
    moddb_write_result result = MODDB_INIT(result);
    const moddb_write_options three = if_tag(3), none = if_tag(0);
    CHECK(set(db, "k", "x", &none, &result) == -ECANCELED);
    CHECK(result.version == info_of(db, "k").version);
    CHECK(set(db, "missing", "x", none) == -ECANCELED);
    CHECK(set(db, "k", "x", three) == 0);
    CHECK(set(db, "k", "y", three) == -ECANCELED);
    CHECK(set(db, "k", "y", none) == 0);
    CHECK(touch(db, "k", &three) == -ECANCELED);
    CHECK(del(db, "k", &three) == -ECANCELED);
    CHECK(del(db, "k", &none) == 0);
    REQUIRE(incr(db, "n", 1) == 0);
    moddb_incr_options options = MODDB_INIT(options);
    options.condition = MODDB_IF_TAG;
    options.if_tag = 1;
    CHECK(incr(db, "n", 1, nullptr, &options) == -ECANCELED);
    options.if_tag = 0;
    CHECK(incr(db, "n", 1, nullptr, &options) == 0);
    moddb_write_options lone = MODDB_INIT(lone);
    lone.if_tag = 5;
    CHECK(set(db, "k", "v", lone) == -EINVAL);
    CHECK(db.text() == "if_tag without MODDB_IF_TAG");
}

TEST_CASE("listings, snapshots, watches, batches and the window contain the tag")
{
    const Opened db;
    REQUIRE(set(db, "before", "v", with_tag(1)) == 0);
    Watcher watcher(db);
    REQUIRE(set(db, "k", "value", with_tag(0xdeadbeef)) == 0);
    CHECK(watcher.next().tag == 0xdeadbeef);
    REQUIRE(set(db, "plain", "value") == 0);
    CHECK(watcher.next().tag == 0);

    moddb_list_options options = MODDB_INIT(options);
    options.flags = MODDB_LIST_INFO;
    moddb_list *list = nullptr;
    REQUIRE(moddb_list_open(db, &options, &list) == 0);
    moddb_snapshot *snapshot = nullptr;
    REQUIRE(moddb_snapshot_open(db, nullptr, &snapshot) == 0);
    std::map<std::string, uint32_t> listed, taken;
    moddb_entry entry = MODDB_INIT(entry);
    while (moddb_list_next(list, &entry) == 1)
        listed[std::string(static_cast<const char *>(entry.key), entry.key_length)] = entry.tag;
    while (moddb_snapshot_next(snapshot, &entry) == 1)
        taken[std::string(static_cast<const char *>(entry.key), entry.key_length)] = entry.tag;
    moddb_list_close(list);
    moddb_snapshot_close(snapshot);
    const std::map<std::string, uint32_t> all{{"before", 1}, {"k", 0xdeadbeef}, {"plain", 0}};
    CHECK(listed == all);
    CHECK(taken == all);

    moddb_batch *batch = nullptr;
    REQUIRE(moddb_batch_new(db, &batch) == 0);
    const moddb_write_options two = with_tag(2), is_one = if_tag(1);
    REQUIRE(moddb_batch_set(batch, "b", 1, "v", 1, &two, 0) == 0);
    REQUIRE(moddb_batch_check(batch, "before", 6, &is_one, 0) == 1);
    REQUIRE(moddb_batch_get(batch, "k", 1, MODDB_OP_INFO) == 2);
    for (const bool at_once : {false, true}) {
        REQUIRE((at_once ? moddb_batch_commit(batch, nullptr) : moddb_batch_run(batch)) == 0);
        moddb_op_result result = MODDB_INIT(result);
        REQUIRE(moddb_batch_result(batch, 1, &result) == 0);
        CHECK(result.status == 0);
        REQUIRE(moddb_batch_result(batch, 2, &result) == 0);
        CHECK(result.tag == 0xdeadbeef);
        CHECK(tag_of(db, "b") == 2);
    }
    moddb_batch_free(batch);

    CHECK(in_window("k").tag == 0xdeadbeef);
    CHECK(in_window("plain").tag == 0);
    moddb_write_options timed = with_tag(6);
    timed.ttl_ms = 3'600'000;
    REQUIRE(set(db, "plain", "in the place of the other", timed) == 0);
    const moddb_window_found found = in_window("plain");
    CHECK(found.tag == 6);
    CHECK(found.expires > 0);
    CHECK(found.value_len == 25);
    // Through the library, which by now reads from the window if the transport has one.
    for (int i = 0; i < 100; ++i)
        CHECK(get(db, "k") == "value");
}

TEST_SUITE_END();
