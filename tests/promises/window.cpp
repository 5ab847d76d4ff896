// SPDX-License-Identifier: MIT
//
// The window: a read without a system call returns what the kernel would have returned, on every
// path by which an entry is created, changed and removed; and a window can only be read. The kernel
// does not count reads through the window, which shows that they went through it.
#include "process.h"
#include "store.h"

#include <moddb/device.h>
#include <moddb/window.h>

#include <sys/ioctl.h>
#include <sys/mman.h>

#include <array>
#include <memory>
#include <random>

TEST_SUITE_BEGIN("window");

namespace {

// A handle that may not use the window.
struct Kernel {
    explicit Kernel(const char *name = nullptr,
                    enum moddb_transport transport = MODDB_TRANSPORT_NETLINK)
    {
        moddb_options options = MODDB_INIT(options);
        options.transport = transport;
        REQUIRE_MESSAGE(moddb_open(name, &options, &handle) == 0, moddb_error_text(nullptr));
    }
    ~Kernel() { moddb_close(handle); }
    Kernel(const Kernel &) = delete;
    Kernel &operator=(const Kernel &) = delete;
    operator moddb_handle *() const { return handle; }

    moddb_handle *handle = nullptr;
};

uint64_t counted(moddb_handle *handle, const char *name = nullptr)
{
    const moddb_database_info info = database(handle, name);
    return info.hits + info.misses;
}

// Reads until the kernel counts no more reads: the handle then has a window. Gives up after a
// while.
bool reaches_window(moddb_handle *reader, moddb_handle *other, const char *name = nullptr)
{
    return eventually([&] {
        for (int i = 0; i < 32; ++i)
            get(reader, "no such key at all");
        const uint64_t before = counted(other, name);
        for (int i = 0; i < 32; ++i)
            get(reader, "no such key at all");
        return counted(other, name) == before;
    });
}

std::string hit_or_miss(moddb_handle *reader, std::string_view key)
{
    char value[256];
    size_t length = sizeof value;
    const int result = moddb_get(reader, key.data(), key.size(), value, &length, nullptr);
    return result ? "(errno " + std::to_string(-result) + ")" : std::string(value, length);
}

// An open device, as in a program without the library.
struct Device {
    explicit Device(const char *name = "", int how = O_RDWR,
                    uint32_t rights = MODDB_RIGHT_READ | MODDB_RIGHT_WRITE)
    {
        fd = open("/dev/moddb", how | O_CLOEXEC);
        REQUIRE(fd >= 0);
        moddb_device_bind bind{};
        std::strncpy(bind.database, name, sizeof bind.database - 1);
        bind.rights = rights;
        REQUIRE(ioctl(fd, MODDB_IOC_BIND, &bind) == 0);
    }
    ~Device() { close(fd); }
    Device(const Device &) = delete;
    Device &operator=(const Device &) = delete;

    int ask(moddb_device_window &window) const
    {
        window = {};
        window.layout = MODDB_WINDOW_LAYOUT;
        return ioctl(fd, MODDB_IOC_WINDOW, &window) ? errno : 0;
    }
    // The complete window, mapped read-only.
    const unsigned char *map(moddb_device_window &window) const
    {
        REQUIRE(ask(window) == 0);
        void *memory = mmap(nullptr, window.size, PROT_READ, MAP_SHARED, fd,
                            static_cast<off_t>(window.offset));
        REQUIRE_MESSAGE(memory != MAP_FAILED, std::string(std::strerror(errno)));
        return static_cast<const unsigned char *>(memory);
    }
    int map_errno(const moddb_device_window &window, int protection, int flags, off_t add = 0) const
    {
        void *memory = mmap(nullptr, window.size, protection, flags, fd,
                            static_cast<off_t>(window.offset) + add);
        if (memory == MAP_FAILED)
            return errno;
        munmap(memory, window.size);
        return 0;
    }

    int fd;
};

} // namespace

TEST_CASE("a handle that reads often stops asking the kernel, for hits and for misses")
{
    const Opened db;
    const Kernel kernel;
    REQUIRE(set(kernel, "key", "value") == 0);
    REQUIRE(reaches_window(db, kernel));
    const uint64_t before = counted(kernel);
    for (int i = 0; i < 1000; ++i) {
        CHECK(hit_or_miss(db, "key") == "value");
        CHECK(hit_or_miss(db, "kez") == "(errno 2)");
    }
    CHECK(counted(kernel) == before);
    // The other two handles ask the kernel for each read.
    for (const auto transport : {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE}) {
        const Kernel other(nullptr, transport);
        const uint64_t then = counted(kernel);
        for (int i = 0; i < 100; ++i)
            hit_or_miss(other, "key");
        CHECK(counted(kernel) == then + 100);
    }
    char small[2];
    size_t length = sizeof small;
    CHECK(moddb_get(db, "key", 3, small, &length, nullptr) == -EMSGSIZE);
    CHECK(length == 5);
    CHECK(db.text() == "the value has 5 bytes, the buffer only 2");
    CHECK(hit_or_miss(db, "none") == "(errno 2)");
    CHECK(db.text() == "there is no such key");
}

TEST_CASE("every kind of change shows at once")
{
    const Opened db;
    for (const auto transport : {MODDB_TRANSPORT_NETLINK, MODDB_TRANSPORT_DEVICE}) {
        const Kernel writer(nullptr, transport);
        REQUIRE(reaches_window(db, writer));
        REQUIRE(set(writer, "k", "one") == 0);
        CHECK(get(db, "k") == "one");
        REQUIRE(set(writer, "k", "two") == 0);
        CHECK(get(db, "k") == "two");
        for (const size_t size :
             {0, 1, 40, 41, 100, 1000, 5000, 65536, 131072, 131073, 200000, 3}) {
            const std::string value = long_value(size, 1);
            REQUIRE(set(writer, "k", value) == 0);
            CHECK(get(db, "k") == value);
        }
        CHECK(set(writer, "k", "no", when(MODDB_IF_VERSION, 1)) == -ECANCELED);
        CHECK(get(db, "k") == long_value(3, 1));
        REQUIRE(set(writer, "k", "7") == 0);
        int64_t number;
        REQUIRE(incr(writer, "k", 5, &number) == 0);
        CHECK(get(db, "k") == "12");
        CHECK(incr(writer, "k", INT64_MAX) == -ERANGE);
        CHECK(get(db, "k") == "12");
        REQUIRE(incr(writer, "new", 5, &number) == 0);
        CHECK(get(db, "new") == "5");
        REQUIRE(del(writer, "k") == 0);
        CHECK(get(db, "k") == "(errno 2)");
        REQUIRE(del(writer, "new") == 0);
        CHECK(get(db, "new") == "(errno 2)");
        {
            const Session owner;
            REQUIRE(set(owner, "mine", "v", ephemeral()) == 0);
            CHECK(get(db, "mine") == "v");
        }
        CHECK(eventually([&] { return database(writer).keys == 0; }));
        CHECK(get(db, "mine") == "(errno 2)");
        REQUIRE(set(writer, "a", "1") == 0);
        REQUIRE(set(writer, "b", "2") == 0);
        REQUIRE(moddb_database_clear(writer, nullptr) == 0);
        CHECK(get(db, "a") == "(errno 2)");
        CHECK(get(db, "b") == "(errno 2)");
    }
}

TEST_CASE("the window equals the store after many random writes, batches and transactions")
{
    const Opened db;
    const Kernel writer;
    std::mt19937 random(7);
    REQUIRE(reaches_window(db, writer));
    std::map<std::string, std::string> model;
    for (int round = 0; round < 400; ++round) {
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(writer, &batch) == 0);
        std::map<std::string, std::string> after = model;
        std::map<std::string, int> written;
        for (int i = 0; i < 20; ++i) {
            const std::string key = "k" + std::to_string(random() % 600);
            if (written[key]++)
                continue;
            if (random() % 3) {
                const std::string value =
                    long_value(random() % 10 ? random() % 90 : random() % 9000, random());
                moddb_batch_set(batch, key.data(), key.size(), value.data(), value.size(), nullptr,
                                0);
                after[key] = value;
            } else {
                moddb_batch_del(batch, key.data(), key.size(), nullptr, 0);
                after.erase(key);
            }
        }
        // The last operation makes some transactions fail.
        const bool fails = round % 4 == 0;
        if (fails) {
            const moddb_write_options never = when(MODDB_IF_PRESENT);
            moddb_batch_check(batch, "there is never this", 19, &never, 0);
        }
        if (round % 2 == 0)
            CHECK((moddb_batch_commit(batch, nullptr) == 0) != fails);
        else
            CHECK(moddb_batch_run(batch) == 0);
        if (!fails || round % 2)
            model = std::move(after);
        moddb_batch_free(batch);
        for (int i = 0; i < 30; ++i) {
            const std::string key = "k" + std::to_string(random() % 600);
            const auto found = model.find(key);
            CHECK(get(db, key) == (found == model.end() ? "(errno 2)" : found->second));
        }
    }
    for (int i = 0; i < 600; ++i) {
        const std::string key = "k" + std::to_string(i);
        const auto found = model.find(key);
        CHECK(get(db, key) == (found == model.end() ? "(errno 2)" : found->second));
    }
}

TEST_CASE("many reads at once use the window, and see every change")
{
    const Opened db;
    const Kernel writer;
    constexpr size_t count = 200;
    std::vector<std::string> keys;
    for (size_t i = 0; i < count; ++i)
        REQUIRE(set(writer, keys.emplace_back("k" + std::to_string(i)), "0") == 0);
    REQUIRE(reaches_window(db, writer));
    std::vector<std::array<char, 16>> values(count);
    std::vector<moddb_read> reads(count);
    for (size_t i = 0; i < count; ++i) {
        reads[i].size = sizeof(reads[i]);
        reads[i].key = keys[i].data();
        reads[i].key_length = keys[i].size();
        reads[i].value = values[i].data();
        reads[i].value_size = values[i].size();
    }
    std::mt19937 random(11);
    for (int round = 1; round <= 200; ++round) {
        const size_t changed = random() % count;
        const std::string value = std::to_string(round);
        REQUIRE(set(writer, keys[changed], value) == 0);
        const size_t gone = random() % count;
        REQUIRE(del(writer, keys[gone]) == 0);
        const uint64_t before = counted(writer);
        REQUIRE(moddb_get_many(db, reads.data(), count) == 0);
        CHECK(counted(writer) == before);
        CHECK(reads[gone].status == -ENOENT);
        if (gone != changed)
            CHECK(std::string(values[changed].data(), reads[changed].value_length) == value);
        REQUIRE(set(writer, keys[gone], "0") == 0);
    }
}

TEST_CASE("many reads at once of entries that expire, while windows get successors")
{
    const Opened db;
    const Kernel writer;
    REQUIRE(reaches_window(db, writer));
    moddb_write_options options = MODDB_INIT(options);
    options.ttl_ms = 50;
    REQUIRE(set(writer, "expires", "v", &options) == 0);
    char value[16], stays[16];
    moddb_read reads[2]{};
    for (moddb_read &read : reads)
        read.size = sizeof(read);
    reads[0].key = "expires", reads[0].key_length = 7;
    reads[0].value = value, reads[0].value_size = sizeof(value);
    reads[1].key = "stays", reads[1].key_length = 5;
    reads[1].value = stays, reads[1].value_size = sizeof(stays);
    REQUIRE(set(writer, "stays", "s") == 0);
    CHECK(eventually([&] {
        REQUIRE(moddb_get_many(db, reads, 2) == 0);
        CHECK(reads[1].status == 0);
        return reads[0].status == -ENOENT;
    }));
    // Enough for several successors of the window.
    for (int i = 0; i < 4000; ++i) {
        REQUIRE(set(writer, "grow" + std::to_string(i), "g") == 0);
        if (i % 100 == 0) {
            REQUIRE(moddb_get_many(db, reads, 2) == 0);
            CHECK(reads[0].status == -ENOENT);
            CHECK(std::string(stays, reads[1].value_length) == "s");
        }
    }
}

TEST_CASE("an entry is gone when it expires, and a later one exists")
{
    const Opened db;
    const Kernel writer;
    REQUIRE(reaches_window(db, writer));
    for (int round = 0; round < 20; ++round) {
        const uint64_t before = boot_time_ns();
        REQUIRE(set(writer, "k", "short", for_ms(30)) == 0);
        const uint64_t after = boot_time_ns();
        for (;;) {
            const uint64_t asked = boot_time_ns();
            const std::string value = hit_or_miss(db, "k");
            const uint64_t answered = boot_time_ns();
            if (value == "short")
                CHECK(asked < after + 30'000'000);
            else
                CHECK(answered >= before + 30'000'000);
            if (value != "short") {
                CHECK(value == "(errno 2)");
                break;
            }
        }
        REQUIRE(set(writer, "k", "forever") == 0);
        CHECK(hit_or_miss(db, "k") == "forever");
    }
    REQUIRE(set(writer, "n", "1", for_ms(100)) == 0);
    REQUIRE(incr(writer, "n", 1) == 0);
    CHECK(hit_or_miss(db, "n") == "2");
    CHECK(eventually([&] { return hit_or_miss(db, "n") == "(errno 2)"; }));
}

TEST_CASE("no reader sees half of a transaction")
{
    const Opened db;
    const Kernel kernel;
    REQUIRE(reaches_window(db, kernel));
    constexpr int keys = 6;
    const auto name = [](int i) { return "key " + std::to_string(i); };
    Child writer([&](const Line &line) {
        Session mine;
        line.say("begins");
        for (uint64_t number = 1;; ++number) {
            moddb_batch *batch;
            if (moddb_batch_new(mine, &batch))
                _exit(2);
            const std::string value = std::to_string(number) + std::string(number % 50, ' ');
            for (int i = 0; i < keys; ++i)
                moddb_batch_set(batch, name(i).data(), name(i).size(), value.data(), value.size(),
                                nullptr, 0);
            if (moddb_batch_commit(batch, nullptr))
                _exit(3);
            moddb_batch_free(batch);
        }
    });
    REQUIRE(writer.hear() == "begins");
    REQUIRE(eventually([&] { return hit_or_miss(db, name(keys - 1)) != "(errno 2)"; }));
    const uint64_t counted_before = counted(kernel);
    uint64_t reads = 0;
    long last = 0;
    for (int round = 0; round < 60'000; ++round) {
        const int key = round % keys;
        const std::string value = hit_or_miss(db, name(round % 2 ? key : keys - 1 - key));
        const long number = std::atol(value.c_str());
        CHECK_MESSAGE(number >= last, value);
        last = number;
        ++reads;
    }
    writer.kill();
    // Nearly all reads must have gone through the window, or the test shows nothing.
    CHECK(counted(kernel) - counted_before < reads / 2);
}

TEST_CASE("a window grows while it is read, and loses no entry")
{
    const Opened db;
    const Kernel kernel;
    const auto value_of = [](int i) {
        return std::to_string(i) + long_value(static_cast<size_t>(i) % 70, i);
    };
    constexpr int keys = 60'000;
    REQUIRE(set(kernel, "count", "0") == 0);
    std::vector<std::unique_ptr<Child>> readers;
    for (int reader = 0; reader < 4; ++reader)
        readers.push_back(std::make_unique<Child>([&, reader](const Line &line) {
            Session mine;
            std::mt19937 random(reader);
            line.say("reads");
            for (;;) {
                // Every earlier entry exists, with its value.
                const int there = std::atoi(hit_or_miss(mine, "count").c_str());
                if (there == keys)
                    break;
                for (int i = 0; there && i < 50; ++i) {
                    const int number = static_cast<int>(random() % there);
                    if (hit_or_miss(mine, std::to_string(number)) != value_of(number)) {
                        line.say("key " + std::to_string(number) + " of " + std::to_string(there) +
                                 " is " + hit_or_miss(mine, std::to_string(number)));
                        _exit(1);
                    }
                }
                if (hit_or_miss(mine, "never there") != "(errno 2)")
                    _exit(1);
            }
            for (int i = 0; i < keys; ++i)
                if (hit_or_miss(mine, std::to_string(i)) != value_of(i)) {
                    line.say("at last, key " + std::to_string(i));
                    _exit(1);
                }
            line.say("all right");
        }));
    for (const auto &reader : readers)
        REQUIRE(reader->hear() == "reads");
    for (int i = 0; i < keys;) {
        moddb_batch *batch;
        REQUIRE(moddb_batch_new(kernel, &batch) == 0);
        for (int n = 0; n < 100; ++n, ++i) {
            const std::string key = std::to_string(i), value = value_of(i);
            moddb_batch_set(batch, key.data(), key.size(), value.data(), value.size(), nullptr, 0);
        }
        REQUIRE(moddb_batch_run(batch) == 0);
        moddb_batch_free(batch);
        REQUIRE(set(kernel, "count", std::to_string(i)) == 0);
    }
    for (const auto &reader : readers)
        CHECK(reader->hear() == "all right");
    readers.clear();
    // It has finished growing: reads no longer ask the kernel, except for the few buckets that
    // overflow.
    REQUIRE(reaches_window(db, kernel));
    CHECK(eventually([&] {
        for (int i = 0; i < 100; ++i)
            hit_or_miss(db, "none"); // maps the successor of a retired window
        const uint64_t before = counted(kernel);
        for (int i = 0; i < 10'000; ++i)
            hit_or_miss(db, std::to_string(i));
        return counted(kernel) - before < 300;
    }));
}

TEST_CASE("a deleted or replaced database is no longer read")
{
    const Opened db;
    const Kernel kernel;
    moddb_database_options options = MODDB_INIT(options);
    for (const bool replaced : {false, true}) {
        REQUIRE(moddb_database_create(kernel, "old", &options) == 0);
        Session reader("old");
        REQUIRE(set(reader, "k", "v") == 0);
        REQUIRE(reaches_window(reader, kernel, "old"));
        CHECK(hit_or_miss(reader, "k") == "v");
        if (replaced) {
            REQUIRE(moddb_database_create(kernel, "new", &options) == 0);
            const char *name = "old", *source = "new";
            REQUIRE(moddb_database_replace(kernel, &name, &source, 1) == 0);
        } else {
            REQUIRE(moddb_database_delete(kernel, "old") == 0);
        }
        // The read asks the kernel, which has no database of that name, or another one.
        for (int i = 0; i < 100; ++i)
            CHECK(hit_or_miss(reader, "k") == (replaced ? "(errno 2)" : "(errno 6)"));
        if (replaced) {
            const Session again("old");
            REQUIRE(reaches_window(again, kernel, "old"));
            CHECK(hit_or_miss(again, "k") == "(errno 2)");
            REQUIRE(moddb_database_delete(kernel, "old") == 0);
        }
    }
}

TEST_CASE("a database that evicts notices reads through its window")
{
    const Database one("evicting");
    REQUIRE(one.alter(MODDB_DATABASE_EVICT, 1) == 0);
    const Kernel writer("evicting");
    Session reader("evicting");
    REQUIRE(set(writer, "k", "v") == 0);
    for (int i = 0; i < 200; ++i)
        CHECK(hit_or_miss(reader, "k") == "v");
    const uint64_t before = counted(writer, "evicting");
    for (int i = 0; i < 6400; ++i)
        hit_or_miss(reader, "k");
    const uint64_t seen = counted(writer, "evicting") - before;
    CHECK(seen >= 90);
    CHECK(seen <= 110);
    REQUIRE(one.alter(MODDB_DATABASE_MAX_KEYS, 8) == 0);
    for (int i = 0; i < 1000; ++i) {
        REQUIRE(set(writer, "more" + std::to_string(i), "v") == 0);
        for (int n = 0; n < 65; ++n)
            hit_or_miss(reader, "k");
        const std::string old = "more" + std::to_string(i - 8);
        CHECK(get(reader, old) == get(writer, old));
    }
    CHECK(hit_or_miss(reader, "k") == "v");
}

TEST_CASE("a cached key is always current")
{
    const Opened db;
    const Kernel writer;
    REQUIRE(reaches_window(db, writer));
    moddb_cached *cached;
    REQUIRE(moddb_cached_open(db, "k", 1, &cached) == 0);
    const auto read = [&](uint64_t *version = nullptr) -> std::string {
        const void *value;
        size_t length;
        const int result = moddb_cached_get(cached, &value, &length, version);
        return result ? "(errno " + std::to_string(-result) + ")"
                      : std::string(static_cast<const char *>(value), length);
    };
    CHECK(read() == "(errno 2)");
    CHECK(db.text() == "there is no such key");
    uint64_t before = 0;
    for (int i = 0; i < 300; ++i) {
        const std::string value = long_value(i * 7 % 1000, i);
        REQUIRE(set(writer, "k", value) == 0);
        uint64_t version = 0;
        for (int n = 0; n < 3; ++n)
            CHECK(read(&version) == value);
        CHECK(version > before);
        before = version;
    }
    const uint64_t then = counted(writer);
    for (int i = 0; i < 1000; ++i)
        read();
    CHECK(counted(writer) == then);
    REQUIRE(del(writer, "k") == 0);
    for (int i = 0; i < 3; ++i)
        CHECK(read() == "(errno 2)");
    REQUIRE(set(writer, "k", "short", for_ms(50)) == 0);
    CHECK(read() == "short");
    CHECK(eventually([&] { return read() == "(errno 2)"; }));
    moddb_cached_close(cached);
}

TEST_CASE("a window can only be read")
{
    const Opened db;
    const Device device, reader("", O_RDONLY, MODDB_RIGHT_READ);
    moddb_device_window window;
    const unsigned char *memory = reader.map(window);
    CHECK(mprotect(const_cast<unsigned char *>(memory), 4096, PROT_READ | PROT_WRITE) == -1);
    CHECK(mprotect(const_cast<unsigned char *>(memory), 4096, PROT_READ | PROT_EXEC) == -1);
    CHECK(mremap(const_cast<unsigned char *>(memory), 4096, 8192, MREMAP_MAYMOVE) == MAP_FAILED);
    // Nor can another call keep its pages.
    int ends[2];
    REQUIRE(pipe(ends) == 0);
    const iovec part{const_cast<unsigned char *>(memory), 4096};
    CHECK(vmsplice(ends[1], &part, 1, 0) == -1);
    close(ends[0]);
    close(ends[1]);
    munmap(const_cast<unsigned char *>(memory), window.size);
    REQUIRE(device.ask(window) == 0);
    CHECK(device.map_errno(window, PROT_READ, MAP_SHARED) == 0);
    CHECK(device.map_errno(window, PROT_READ | PROT_WRITE, MAP_SHARED) == EACCES);
    CHECK(device.map_errno(window, PROT_READ | PROT_EXEC, MAP_SHARED) == EACCES);
    CHECK(device.map_errno(window, PROT_READ, MAP_PRIVATE) == EINVAL);
    CHECK(device.map_errno(window, PROT_READ, MAP_SHARED, 4096) == ESTALE);
    window.size += 4096;
    CHECK(device.map_errno(window, PROT_READ, MAP_SHARED) == EINVAL);
    const Device writer("", O_RDWR, MODDB_RIGHT_WRITE);
    CHECK(writer.ask(window) == EACCES);
    CHECK(writer.map_errno(window, PROT_READ, MAP_SHARED) != 0);
}

TEST_CASE("the cost of a window is reported, bounded, and returned")
{
    const Opened db;
    const Kernel kernel;
    moddb_database_options options = MODDB_INIT(options);
    const uint64_t before = module_stat(kernel).bytes;
    for (const size_t size : {1, 16, 64, 200}) {
        constexpr uint64_t count = 60'000;
        CAPTURE(size);
        REQUIRE(moddb_database_create(kernel, "costly", &options) == 0);
        {
            const Kernel writer("costly");
            moddb_batch *batch;
            REQUIRE(moddb_batch_new(writer, &batch) == 0);
            const std::string value(size, 'v');
            for (uint64_t i = 0; i < count; ++i) {
                const std::string key = std::to_string(1'000'000'000'000'000 + i);
                moddb_batch_set(batch, key.data(), key.size(), value.data(), size, nullptr, 0);
            }
            REQUIRE(moddb_batch_run(batch) == 0);
            moddb_batch_free(batch);
            CHECK(database(kernel, "costly").window_bytes == 0);
            Session reader("costly");
            REQUIRE(reaches_window(reader, kernel, "costly"));
        }
        const moddb_database_info info = database(kernel, "costly");
        CHECK(info.window_bytes > 0);
        CHECK(info.bytes + info.window_bytes <= count * (2 * (16 + size) + 192));
        REQUIRE(moddb_database_delete(kernel, "costly") == 0);
    }
    CHECK(eventually([&] { return module_stat(kernel).bytes == before; }));
}

TEST_CASE("a mapping of a retired window reads all ones and holds no memory")
{
    const Opened db;
    const Kernel kernel;
    moddb_database_options options = MODDB_INIT(options);
    REQUIRE(moddb_database_create(kernel, "kept", &options) == 0);
    {
        const Kernel writer("kept");
        for (int i = 0; i < 100; ++i)
            REQUIRE(set(writer, std::to_string(i), long_value(10'000, i)) == 0);
    }
    const Device device("kept");
    moddb_device_window window;
    const unsigned char *memory = device.map(window);
    struct moddb_window_view view;
    REQUIRE(moddb_window_view_init(&view, memory, window.size));
    std::string value(10'000, '\0');
    moddb_window_found found;
    REQUIRE(moddb_window_read(&view, "7", 1, value.data(), value.size(), &found) ==
            MODDB_WINDOW_HIT);
    CHECK(value == long_value(10'000, 7));
    // All of it can be read, whether used or not.
    unsigned char sum = 0;
    for (size_t at = 0; at < window.size; at += 4096)
        sum |= memory[at];
    CHECK(sum != 0);
    REQUIRE(moddb_window_read(&view, "8", 1, value.data(), value.size(), &found) ==
            MODDB_WINDOW_HIT);
    // A page mapped before it had memory shows that memory later.
    {
        const Kernel writer("kept");
        for (int i = 100; i < 400; ++i)
            REQUIRE(set(writer, std::to_string(i), long_value(10'000, i)) == 0);
        int hits = 0;
        for (int i = 100; i < 400; ++i) {
            const std::string key = std::to_string(i);
            const int answer = moddb_window_read(&view, key.data(), key.size(), value.data(),
                                                 value.size(), &found);
            CHECK(answer != MODDB_WINDOW_MISS);
            if (answer == MODDB_WINDOW_HIT) {
                CHECK(value == long_value(10'000, i));
                ++hits;
            }
        }
        CHECK(hits >= 290);
    }
    REQUIRE(moddb_database_delete(kernel, "kept") == 0);
    CHECK(moddb_window_read(&view, "7", 1, value.data(), value.size(), &found) == MODDB_WINDOW_ASK);
    // A worker frees the memory, in steps.
    CHECK(eventually([&] {
        bool ones = true;
        for (size_t at = 0; at < window.size; at += 512)
            ones = ones && memory[at] == 0xff;
        return ones;
    }));
    moddb_device_window next;
    CHECK(device.ask(next) == ESTALE);
    munmap(const_cast<unsigned char *>(memory), window.size);
}

TEST_CASE("a mapped window prevents unloading")
{
    const Opened db;
    moddb_device_window window;
    const unsigned char *memory;
    {
        const Device device;
        memory = device.map(window);
    }
    CHECK(syscall(SYS_delete_module, "moddb", O_NONBLOCK) == -1);
    CHECK(errno == EWOULDBLOCK);
    CHECK(memory[0] == 'm');
    munmap(const_cast<unsigned char *>(memory), window.size);
}

TEST_SUITE_END();
