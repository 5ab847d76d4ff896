// SPDX-License-Identifier: MIT
//
// Loads and unloads the module, whose file is the argument, a hundred times while processes use it
// in every way. Unloading may be refused while a request runs. A client must get a clean error,
// never hang, and never read anything older than the last load. Leaves the module loaded.

#include "../support/process.hpp"

#include <fcntl.h>
#include <sys/syscall.h>

#include <atomic>
#include <fstream>
#include <random>

namespace {

constexpr unsigned cycles = 100;
constexpr unsigned clients = 3;

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<std::uint64_t> operations{0};
    std::atomic<std::uint64_t> refusals{0};
};

// Errors that a client may get while the module is unloaded, or after it was loaded again.
bool is_clean(const moddb::Error &error)
{
    switch (error.code().value()) {
    case ENODEV:
    case ESTALE:
        return true;
    }
    return false;
}

void use(moddb::Database &database, Progress &progress, std::mt19937 &random)
{
    const std::string key = std::to_string(random() % 50);
    moddb::WriteOptions options;
    moddb::Batch batch = database.batch();
    switch (random() % 6) {
    case 0:
        database.set(key, key);
        break;
    case 1:
        if (const auto value = database.get(key))
            test::require(*value == key, "a key has its own value");
        break;
    case 2:
        options.ephemeral = true;
        options.ttl = moddb::Milliseconds(1 + random() % 100);
        database.set(key, key, options);
        break;
    case 3:
        for (const moddb::EntryView &entry : database.list())
            test::require(entry.value == entry.key, "a key is listed with its own value");
        break;
    case 4: {
        moddb::Watch watch = database.watch();
        database.set(key, key);
        watch.read(moddb::Milliseconds(1));
        break;
    }
    case 5:
        batch.set(key, key);
        batch.del(key + "x");
        batch.commit();
        break;
    }
    ++progress.operations;
}

// Over netlink: an open device would prevent unloading.
void be_client(Progress &progress, unsigned seed)
{
    std::mt19937 random(seed);
    while (!progress.is_over) {
        try {
            moddb::Database database("default", moddb::Transport::netlink);
            for (unsigned i = random() % 200; i && !progress.is_over; --i)
                use(database, progress, random);
        } catch (const moddb::Error &error) {
            test::require(is_clean(error), std::string("a clean error, not: ") + error.what());
            ++progress.refusals;
            test::pause(std::chrono::milliseconds(1));
        }
    }
}

void load(const char *path)
{
    const int file = open(path, O_RDONLY | O_CLOEXEC);
    test::require(file >= 0, std::string(path) + " can be opened");
    test::require(syscall(SYS_finit_module, file, "", 0) == 0, "the module can be loaded");
    close(file);
}

// Returns how often unloading was refused.
unsigned unload()
{
    unsigned refused = 0;
    test::wait_until(
        [&] {
            if (syscall(SYS_delete_module, "moddb", O_NONBLOCK) == 0)
                return true;
            test::require(errno == EAGAIN || errno == EBUSY || errno == EWOULDBLOCK,
                          "unloading is refused only while a request runs");
            ++refused;
            return false;
        },
        "the module can be unloaded");
    return refused;
}

void write_file(const char *path, const std::string &text)
{
    std::ofstream file(path);
    file << text << '\n';
    test::require(file.flush().good(), std::string(path) + " can be written");
}

void test_unload(const char *path)
{
    const char *modprobe = "/proc/sys/kernel/modprobe";
    std::string program;
    std::getline(std::ifstream(modprobe), program);
    // Otherwise every client that looks for the family makes the kernel try to load the module.
    write_file(modprobe, "");

    const test::Shared<Progress> progress;
    test::Workers workers;
    for (unsigned client = 0; client < clients; ++client)
        workers.start([&, client] { be_client(*progress, client); });
    unsigned refused = 0;
    std::mt19937 random(1);
    for (unsigned cycle = 0; cycle < cycles; ++cycle) {
        const std::uint64_t before = progress->operations;
        test::wait_until(
            [&] {
                workers.check();
                return progress->operations > before + random() % 20;
            },
            "the clients do something with a module that is loaded");
        refused += unload();
        load(path);
        if (cycle % 20 == 19)
            std::printf("%u of %u times\n", cycle + 1, cycles);
    }
    progress->is_over = true;
    workers.wait();
    write_file(modprobe, program);
    std::printf("%llu operations, %llu clean errors, %u times busy\n",
                static_cast<unsigned long long>(progress->operations),
                static_cast<unsigned long long>(progress->refusals), refused);
    moddb::Database().clear("default");
}

} // namespace

int main(int argc, char **argv)
{
    test::require(argc == 2, "usage: stress-unload FILE");
    return test::run_test("unload", [&] { test_unload(argv[1]); });
}
