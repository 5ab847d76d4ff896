// SPDX-License-Identifier: MIT
//
// Promise 10: a revoked right is gone for the next operation, on every transport and for every
// process with the connection; and a file keeps the rights of its opener. No value written after
// the change may reach a process that lost its right.
#include "process.h"
#include "store.h"

#include <moddb/device.h>
#include <moddb/window.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <memory>

TEST_SUITE_BEGIN("access");

namespace {

// Opens the device and binds it with the rights that its user has.
int bound(const char *name, int how = O_RDWR)
{
    const int fd = open("/dev/moddb", how | O_CLOEXEC);
    moddb_device_bind bind{};
    std::strncpy(bind.database, name, sizeof bind.database - 1);
    bind.rights = how == O_RDONLY ? MODDB_RIGHT_READ : MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    if (fd < 0 || ioctl(fd, MODDB_IOC_BIND, &bind))
        _exit(9);
    return fd;
}

// Runs one operation, and returns its status or the call's error.
int exec(int fd, uint32_t code, std::string_view key, char *value, uint32_t length)
{
    moddb_device_op op{};
    op.code = code;
    op.key = reinterpret_cast<uintptr_t>(key.data());
    op.key_len = static_cast<uint32_t>(key.size());
    if (code == MODDB_OP_CODE_SET) {
        op.value = reinterpret_cast<uintptr_t>(value);
        op.value_len = length;
    } else {
        op.out = reinterpret_cast<uintptr_t>(value);
        op.out_size = length;
    }
    moddb_device_exec call{};
    call.ops = reinterpret_cast<uintptr_t>(&op);
    call.count = 1;
    call.op_size = sizeof(moddb_device_op);
    return ioctl(fd, MODDB_IOC_EXEC, &call) ? -errno : op.status;
}

// The rights of a file: "rw", "r-", "--".
std::string through(int fd)
{
    char buffer[64];
    std::string found = exec(fd, MODDB_OP_CODE_GET, "k", buffer, sizeof buffer) == 0 ? "r" : "-";
    char value[] = "x";
    return found + (exec(fd, MODDB_OP_CODE_SET, "w", value, 1) == 0 ? 'w' : '-');
}

const unsigned char *map(int fd, size_t &size, off_t &offset)
{
    moddb_device_window window{};
    window.layout = MODDB_WINDOW_LAYOUT;
    if (ioctl(fd, MODDB_IOC_WINDOW, &window))
        return nullptr;
    size = window.size;
    offset = static_cast<off_t>(window.offset);
    void *memory = mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, offset);
    return memory == MAP_FAILED ? nullptr : static_cast<const unsigned char *>(memory);
}

bool has(const unsigned char *memory, size_t size, std::string_view text)
{
    return memmem(memory, std::min<size_t>(size, 2 << 20), text.data(), text.size()) != nullptr;
}

} // namespace

TEST_CASE("a revoked right is gone for the next operation, on every transport")
{
    for (const auto transport :
         {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE, MODDB_TRANSPORT_AUTO}) {
        CAPTURE(transport);
        const Database open_to_all("open");
        REQUIRE(open_to_all.alter(MODDB_DATABASE_MODE, 0666) == 0);
        const Opened db("open");
        REQUIRE(set(db, "k", "v") == 0);
        Child reader([&](const Line &line) {
            become(1000, 1000);
            const Session mine("open", transport);
            do {
                // Enough for a handle to read through the window.
                for (int i = 0; i < 100; ++i)
                    get(mine, "k");
                moddb_batch *batch;
                moddb_batch_new(mine, &batch);
                moddb_batch_set(batch, "t", 1, "x", 1, nullptr, 0);
                const int transaction = moddb_batch_commit(batch, nullptr);
                moddb_batch_free(batch);
                line.say(get(mine, "k") + " " + std::to_string(set(mine, "w", "x")) + " " +
                         std::to_string(transaction));
            } while (line.hear() == "again");
        });
        const auto again = [&](uint32_t field, uint32_t value) {
            REQUIRE(open_to_all.alter(field, value) == 0);
            REQUIRE(set(db, "k", "v" + std::to_string(value)) == 0);
            reader.say("again");
            return reader.hear();
        };
        CHECK(reader.hear() == "v 0 0");
        CHECK(again(MODDB_DATABASE_MODE, 0644) == "v" + std::to_string(0644) + " -13 -13");
        CHECK(again(MODDB_DATABASE_MODE, 0600) == "(errno 13) -13 -13");
        CHECK(again(MODDB_DATABASE_OWNER, 1000) == "v1000 0 0");
        CHECK(again(MODDB_DATABASE_OWNER, 1001) == "(errno 13) -13 -13");
        CHECK(again(MODDB_DATABASE_MODE, 0666) == "v" + std::to_string(0666) + " 0 0");
    }
}

TEST_CASE("a mapped window shows nothing that is written after the right is gone")
{
    const Database secret("secret");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0644) == 0);
    const Opened db("secret");
    REQUIRE(set(db, "k", "the first value") == 0);
    Child reader([](const Line &line) {
        become(1000, 1000);
        const int fd = bound("secret", O_RDONLY);
        size_t size = 0;
        off_t offset = 0;
        const unsigned char *memory = map(fd, size, offset);
        // A second mapping, in another process, of which no page was ever read.
        void *other = mremap(const_cast<unsigned char *>(memory), 0, size, MREMAP_MAYMOVE);
        line.say(memory && has(memory, size, "the first value") ? "reads" : "does not");
        line.hear();
        std::string got;
        got += has(memory, size, "first") ? '1' : '-';
        got += has(memory, size, "second") ? '2' : '-';
        got += other != MAP_FAILED && has(static_cast<unsigned char *>(other), size, "second")
                   ? '2'
                   : '-';
        size_t again = 0;
        off_t there = 0;
        got += map(fd, again, there) ? 'm' : '-';
        // Nor can a window be mapped without asking for it.
        moddb_device_window window{};
        window.layout = MODDB_WINDOW_LAYOUT;
        got += mmap(nullptr, size, PROT_READ, MAP_SHARED, fd, offset) == MAP_FAILED ? '-' : 'm';
        line.say(got + " " + std::to_string(ioctl(fd, MODDB_IOC_WINDOW, &window) ? errno : 0));
        line.hear();
        memory = map(fd, size, offset);
        line.say(memory && has(memory, size, "third") ? "reads" : "does not");
    });
    REQUIRE(reader.hear() == "reads");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0600) == 0);
    REQUIRE(set(db, "k", "the second value") == 0);
    // Root's reads make a window.
    for (int i = 0; i < 100; ++i)
        get(db, "k");
    reader.say("look");
    CHECK(reader.hear() == "----- 13");
    REQUIRE(secret.alter(MODDB_DATABASE_MODE, 0644) == 0);
    REQUIRE(set(db, "k", "the third value") == 0);
    reader.say("look");
    CHECK(reader.hear() == "reads");
}

TEST_CASE("a change that revokes no right keeps the window")
{
    const Database shown("shown");
    const Opened db("shown");
    REQUIRE(set(db, "k", "v") == 0);
    const int fd = bound("shown");
    size_t size = 0;
    off_t offset = 0;
    const unsigned char *memory = map(fd, size, offset);
    REQUIRE(memory != nullptr);
    REQUIRE(shown.alter(MODDB_DATABASE_MODE, 0664) == 0);
    REQUIRE(shown.alter(MODDB_DATABASE_MAX_KEYS, 100) == 0);
    REQUIRE(set(db, "k", "another value") == 0);
    CHECK(has(memory, size, "another value"));
    munmap(const_cast<unsigned char *>(memory), size);
    close(fd);
}

TEST_CASE("a file has the rights of its opener, for every process, as long as the opener has them")
{
    const Database shared("lent");
    REQUIRE(shared.alter(MODDB_DATABASE_OWNER, 1000) == 0);
    const Opened db("lent");
    REQUIRE(set(db, "k", "v") == 0);
    int files[2];
    {
        Child opener([](const Line &line) {
            become(1000, 1000);
            line.say("reads", bound("lent", O_RDONLY));
            line.say("writes", bound("lent"));
            line.hear();
        });
        REQUIRE(opener.line.hear(60'000, &files[0]) == "reads");
        REQUIRE(opener.line.hear(60'000, &files[1]) == "writes");
        // The opener ends; its files stay open.
    }
    Child sandbox([&](const Line &line) {
        become(65534, 65534);
        do
            line.say(through(files[0]) + " " + through(files[1]));
        while (line.hear() == "again");
    });
    const auto again = [&](uint32_t field, uint32_t value) {
        REQUIRE(shared.alter(field, value) == 0);
        sandbox.say("again");
        return sandbox.hear();
    };
    CHECK(sandbox.hear() == "r- rw");
    CHECK(again(MODDB_DATABASE_MODE, 0400) == "r- r-");
    CHECK(again(MODDB_DATABASE_MODE, 0000) == "-- --");
    CHECK(again(MODDB_DATABASE_MODE, 0600) == "r- rw");
    // The rights of the process that uses the file do not matter.
    CHECK(again(MODDB_DATABASE_MODE, 0066) == "-- --");
    CHECK(again(MODDB_DATABASE_OWNER, 65534) == "r- rw");
    CHECK(again(MODDB_DATABASE_MODE, 0600) == "-- --");
    CHECK(again(MODDB_DATABASE_OWNER, 1000) == "r- rw");
    close(files[0]);
    close(files[1]);
}

TEST_CASE("a call of many operations does not outlive its right")
{
    const Database open_to_all("open");
    REQUIRE(open_to_all.alter(MODDB_DATABASE_MODE, 0666) == 0);
    const Opened db("open");
    REQUIRE(set(db, "k", "before") == 0);
    Child reader([](const Line &line) {
        become(1000, 1000);
        const int fd = bound("open");
        constexpr uint32_t many = 20'000;
        std::vector<moddb_device_op> ops(many);
        std::vector<char> values(many * 8);
        for (uint32_t i = 0; i < many; ++i) {
            ops[i].code = MODDB_OP_CODE_GET;
            ops[i].key = reinterpret_cast<uintptr_t>("k");
            ops[i].key_len = 1;
            ops[i].out = reinterpret_cast<uintptr_t>(&values[i * 8]);
            ops[i].out_size = 8;
        }
        moddb_device_exec call{};
        call.ops = reinterpret_cast<uintptr_t>(ops.data());
        call.count = many;
        call.op_size = sizeof(moddb_device_op);
        line.say("reads");
        int error = 0;
        while (!error && std::memcmp(&values[(many - 1) * 8], "after", 5) != 0)
            if (ioctl(fd, MODDB_IOC_EXEC, &call))
                error = errno;
        bool saw = false;
        for (uint32_t i = 0; i < many; ++i)
            saw |= std::memcmp(&values[i * 8], "after", 5) == 0;
        line.say(std::to_string(error) + (saw ? " saw it" : " saw nothing"));
    });
    REQUIRE(reader.hear() == "reads");
    usleep(50'000);
    REQUIRE(open_to_all.alter(MODDB_DATABASE_MODE, 0600) == 0);
    REQUIRE(set(db, "k", "after") == 0);
    CHECK(reader.hear() == "13 saw nothing");
}

TEST_CASE("writers that lose their right while writing write nothing after the change")
{
    const Database open_to_all("open");
    const Opened db("open");
    for (int round = 0; round < 30; ++round) {
        REQUIRE(open_to_all.alter(MODDB_DATABASE_MODE, 0666) == 0);
        REQUIRE(set(db, "k", "0") == 0);
        std::vector<std::unique_ptr<Child>> writers;
        for (const auto transport : {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE})
            writers.push_back(std::make_unique<Child>([transport](const Line &line) {
                become(1000, 1000);
                const Session mine("open", transport);
                set(mine, "k", "theirs");
                line.say("writes");
                int status;
                while ((status = set(mine, "k", "theirs")) == 0)
                    ;
                line.say(std::to_string(status));
            }));
        for (const auto &writer : writers)
            REQUIRE(writer->hear() == "writes");
        usleep(static_cast<useconds_t>(round) * 100);
        REQUIRE(open_to_all.alter(MODDB_DATABASE_MODE, 0600) == 0);
        REQUIRE(set(db, "k", "mine") == 0);
        for (const auto &writer : writers)
            CHECK(writer->hear() == "-13");
        CHECK(get(db, "k") == "mine");
    }
}

TEST_SUITE_END();
