// SPDX-License-Identifier: MIT
//
// Promise 6: a session can ask how many ephemeral entries it lost, and is signaled. Each loss
// counts once.
#include "device_file.h"
#include "process.h"
#include "store.h"

#include <sys/eventfd.h>

TEST_SUITE_BEGIN("lost");

namespace {

uint64_t lost(moddb_handle *handle)
{
    uint64_t number = UINT64_MAX;
    REQUIRE_MESSAGE(moddb_lost(handle, &number) == 0, moddb_error_text(handle));
    return number;
}

bool readable(int fd, int timeout_ms = 0)
{
    pollfd event{fd, POLLIN, 0};
    return poll(&event, 1, timeout_ms) == 1;
}

void replace(moddb_handle *handle, const char *name, const char *source)
{
    REQUIRE_MESSAGE(moddb_database_replace(handle, &name, &source, 1) == 0,
                    moddb_error_text(handle));
}

// Long enough for a busy guest.
constexpr int soon_ms = 20'000;

} // namespace

TEST_CASE("each way in which another ends an entry is a loss, once")
{
    const Opened db;
    Session owner;
    const int fd = moddb_lost_fd(owner);
    REQUIRE(fd > 2);
    CHECK((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(moddb_lost_fd(owner) == fd);
    char old[16];
    moddb_previous previous = MODDB_INIT(previous);
    previous.value = old;
    previous.value_size = sizeof(old);
    uint64_t before = 0;
    const auto loses = [&](const char *way, const std::function<void()> &act) {
        CAPTURE(way);
        REQUIRE(set(owner, "k", "mine", ephemeral()) == 0);
        CHECK(lost(owner) == before);
        CHECK(!readable(fd));
        act();
        CHECK(readable(fd, soon_ms));
        CHECK(lost(owner) == ++before);
        CHECK(!readable(fd));
    };
    loses("deleted", [&] { REQUIRE(del(db, "k") == 0); });
    loses("overwritten", [&] { REQUIRE(set(db, "k", "theirs") == 0); });
    loses("taken over", [&] { REQUIRE(set(db, "k", "theirs", ephemeral()) == 0); });
    loses("swapped",
          [&] { REQUIRE(moddb_swap(db, "k", 1, "theirs", 6, nullptr, nullptr, &previous) == 0); });
    loses("taken", [&] { REQUIRE(moddb_take(db, "k", 1, nullptr, nullptr, &previous) == 0); });
    loses("deleted by prefix", [&] { REQUIRE(moddb_del_prefix(db, "k", 1, nullptr) == 0); });
    loses("deleted in a batch", [&] {
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        REQUIRE(moddb_batch_del(batch, "k", 1, nullptr, 0) == 0);
        REQUIRE(moddb_batch_run(batch) == 0);
        moddb_batch_free(batch);
    });
    loses("overwritten in a transaction", [&] {
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(db, &batch) == 0);
        REQUIRE(moddb_batch_set(batch, "k", 1, "theirs", 6, nullptr, 0) == 0);
        REQUIRE(moddb_batch_commit(batch, nullptr) == 0);
        moddb_batch_free(batch);
    });
    loses("touched until its end", [&] {
        const auto brief = for_ms(20);
        REQUIRE(touch(db, "k", &brief) == 0);
    });
    loses("cleared", [&] { REQUIRE(moddb_database_clear(db, nullptr) == 0); });
    loses("cleared by its own handle", [&] { REQUIRE(moddb_database_clear(owner, nullptr) == 0); });
}

TEST_CASE("what the handle itself does is no loss")
{
    const Opened db;
    Session owner;
    const int fd = moddb_lost_fd(owner);
    REQUIRE(fd >= 0);
    REQUIRE(set(owner, "a", "1", ephemeral()) == 0);
    REQUIRE(set(owner, "a", "2", ephemeral()) == 0);
    REQUIRE(set(owner, "a", "3") == 0);
    REQUIRE(set(owner, "b", "1", ephemeral()) == 0);
    REQUIRE(del(owner, "b") == 0);
    REQUIRE(set(owner, "prefix/c", "1", ephemeral()) == 0);
    REQUIRE(moddb_del_prefix(owner, "prefix/", 7, nullptr) == 0);
    struct moddb_held_lock *lock;
    REQUIRE(moddb_lock(owner, "lock", 4, nullptr, &lock) == 0);
    REQUIRE(moddb_unlock(lock) == 0);
    // Others may change what stays ephemeral.
    REQUIRE(set(owner, "n", "1", ephemeral()) == 0);
    REQUIRE(incr(db, "n", 1) == 0);
    REQUIRE(touch(db, "n", nullptr) == 0);
    // The ends of other sessions and entries do not concern it.
    {
        Session other;
        REQUIRE(set(other, "others", "1", ephemeral()) == 0);
    }
    REQUIRE(set(db, "plain", "1") == 0);
    REQUIRE(del(db, "plain") == 0);
    CHECK(lost(owner) == 0);
    CHECK(!readable(fd, 100));
    // A refused or failed write takes nothing.
    const auto absent = when(MODDB_IF_ABSENT);
    CHECK(set(db, "n", "theirs", absent) == -ECANCELED);
    CHECK(lost(owner) == 0);
    // A lock that its holder loses counts as any entry.
    REQUIRE(moddb_lock(owner, "lock", 4, nullptr, &lock) == 0);
    REQUIRE(del(db, "lock") == 0);
    CHECK(moddb_unlock(lock) == -ECANCELED);
    CHECK(lost(owner) == 1);
}

TEST_CASE("an entry that expired is lost before a worker has removed it")
{
    const Opened db;
    Session owner;
    moddb_write_options options = ephemeral();
    options.ttl_ms = 1;
    for (uint64_t i = 1; i <= 50; ++i) {
        REQUIRE(set(owner, "k", "v", options) == 0);
        REQUIRE(eventually([&] { return get(db, "k") == "(errno 2)"; }));
        CHECK(lost(owner) == i);
    }
    // Its own next write does not hide the loss.
    REQUIRE(set(owner, "k", "v", options) == 0);
    REQUIRE(eventually([&] { return get(db, "k") == "(errno 2)"; }));
    REQUIRE(set(owner, "k", "v", ephemeral()) == 0);
    CHECK(lost(owner) == 51);
}

TEST_CASE("all entries of a database that goes are lost at once, and counted once")
{
    constexpr int many = 2000;
    const Opened db;
    for (const char *way : {"cleared", "deleted", "replaced"}) {
        CAPTURE(way);
        const std::string how = way;
        const Database temporary("goes");
        Session owner("goes");
        const int fd = moddb_lost_fd(owner);
        REQUIRE(fd >= 0);
        for (int i = 0; i < many; ++i)
            REQUIRE(set(owner, "k" + std::to_string(i), "v", ephemeral()) == 0);
        if (how == "cleared") {
            REQUIRE(moddb_database_clear(temporary.keeper, "goes") == 0);
        } else if (how == "deleted") {
            REQUIRE(moddb_database_delete(db, "goes") == 0);
        } else {
            REQUIRE(moddb_database_create(db, "comes", nullptr) == 0);
            replace(db, "goes", "comes");
        }
        CHECK(lost(owner) == many);
        CHECK(lost(owner) == many);
        if (how == "deleted")
            REQUIRE(moddb_database_create(db, "goes", nullptr) == 0);
        // The first call finds the successor; what was lost is not forgotten.
        REQUIRE(set(owner, "new", "v", ephemeral()) == 0);
        CHECK(lost(owner) == many);
        REQUIRE(moddb_database_clear(temporary.keeper, "goes") == 0);
        CHECK(readable(fd, soon_ms));
        CHECK(lost(owner) == many + 1);
    }
}

TEST_CASE("losses in a database that is replaced again and again are signaled and counted")
{
    const Opened db;
    const Database temporary("goes");
    Session owner("goes");
    const int fd = moddb_lost_fd(owner);
    REQUIRE(fd >= 0);
    for (uint64_t i = 1; i <= 20; ++i) {
        REQUIRE(set(owner, "k", "v", ephemeral()) == 0);
        REQUIRE(moddb_database_create(db, "comes", nullptr) == 0);
        replace(db, "goes", "comes");
        CHECK(readable(fd, soon_ms));
        CHECK(lost(owner) == i);
    }
}

TEST_CASE("a handle whose process may only write learns what it lost")
{
    const Opened db;
    moddb_options options = MODDB_INIT(options);
    options.rights = MODDB_OPEN_WRITE;
    moddb_handle *owner;
    REQUIRE(moddb_open(nullptr, &options, &owner) == 0);
    REQUIRE(set(owner, "k", "v", ephemeral()) == 0);
    REQUIRE(del(db, "k") == 0);
    CHECK(lost(owner) == 1);
    moddb_close(owner);
}

TEST_CASE("writers that end entries beside those who count lose none and count none twice")
{
    constexpr uint64_t rounds = 3000;
    const Opened db;
    Session owner;
    const int fd = moddb_lost_fd(owner);
    REQUIRE(fd >= 0);
    Child writer([](const Line &line) {
        Session mine;
        line.say("ready");
        for (;;) {
            const std::string key = line.hear();
            if (key == "(gone)")
                return;
            del(mine, key);
        }
    });
    REQUIRE(writer.hear() == "ready");
    moddb_write_options brief = ephemeral();
    brief.ttl_ms = 1;
    uint64_t seen = 0;
    for (uint64_t i = 0; i < rounds; ++i) {
        const std::string key = "k" + std::to_string(i);
        REQUIRE(set(owner, key, "v", i % 3 ? ephemeral() : brief) == 0);
        writer.say(key);
        const uint64_t now = lost(owner);
        CHECK(now >= seen);
        CHECK(now <= i + 1);
        seen = now;
    }
    CHECK(eventually([&] { return lost(owner) == rounds; }));
    CHECK(lost(owner) == rounds);
}

TEST_CASE("bad calls change nothing")
{
    const Opened db;
    uint64_t number = 7;
    CHECK(moddb_lost(nullptr, &number) == -EINVAL);
    CHECK(number == 0);
    CHECK(moddb_lost(db, nullptr) == -EINVAL);
    CHECK(moddb_lost_fd(nullptr) == -EINVAL);
    File file;
    moddb_device_lost call{};
    CHECK(file.call(MODDB_IOC_LOST, &call) == -ENOTCONN);
    REQUIRE(file.bind() == 0);
    CHECK(file.call(MODDB_IOC_LOST, &call) == 0);
    CHECK(call.number == 0);
    call.event_fd = 5;
    CHECK(file.call(MODDB_IOC_LOST, &call) == -EINVAL);
    call = {};
    call.reserved = 1;
    CHECK(file.call(MODDB_IOC_LOST, &call) == -EINVAL);
    call = {};
    call.flags = MODDB_DEVICE_LOST_EVENT << 1;
    CHECK(file.call(MODDB_IOC_LOST, &call) == -EINVAL);
    call.flags = MODDB_DEVICE_LOST_EVENT;
    call.text = address(file.message);
    call.text_size = sizeof(file.message);
    for (const int fd : {-2, 1 << 20, INT32_MIN}) {
        call.event_fd = fd;
        CHECK(file.call(MODDB_IOC_LOST, &call) == -EBADF);
        CHECK(file.text == "event_fd is not an open eventfd");
    }
    call.event_fd = file.fd;
    CHECK(file.call(MODDB_IOC_LOST, &call) == -EINVAL);
    // The last eventfd counts; none is allowed.
    const int first = eventfd(0, EFD_CLOEXEC), second = eventfd(0, EFD_CLOEXEC);
    call.event_fd = first;
    REQUIRE(file.call(MODDB_IOC_LOST, &call) == 0);
    call.event_fd = second;
    REQUIRE(file.call(MODDB_IOC_LOST, &call) == 0);
    moddb_device_op op = set_of("k", "v");
    op.flags = MODDB_ENTRY_FLAGS_EPHEMERAL;
    REQUIRE(file.exec(op) == 0);
    REQUIRE(del(db, "k") == 0);
    CHECK(readable(second, soon_ms));
    CHECK(!readable(first));
    call.event_fd = -1;
    REQUIRE(file.call(MODDB_IOC_LOST, &call) == 0);
    CHECK(call.number == 1);
    uint64_t signals;
    REQUIRE(read(second, &signals, sizeof(signals)) == sizeof(signals));
    REQUIRE(file.exec(op) == 0);
    REQUIRE(del(db, "k") == 0);
    CHECK(!readable(second, 100));
    Edge edge;
    auto *cut = reinterpret_cast<moddb_device_lost *>(edge.before(8));
    CHECK(file.call(MODDB_IOC_LOST, cut) == -EFAULT);
    close(first);
    close(second);
}

TEST_SUITE_END();
