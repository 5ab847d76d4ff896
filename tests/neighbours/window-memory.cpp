// SPDX-License-Identifier: MIT
//
// A window counts for the owner of its database, and its memory is charged to the cgroup of the
// database's creator. A reader in a small cgroup survives and reads another user's large database
// correctly. A writer in a small cgroup survives while the window grows. If the creator's cgroup
// has no room, there is no window, and the creator survives.

#include "support.hpp"

using namespace neighbours;

namespace {

constexpr unsigned entries = 100'000;
constexpr std::size_t value_size = 1500; // 150 MB in all

std::string value_of(unsigned i)
{
    std::string value = std::to_string(i) + " ";
    value.resize(value_size, static_cast<char>('a' + i % 26));
    return value;
}

void fill(moddb::Database &database, unsigned first, unsigned last)
{
    for (unsigned i = first; i < last;) {
        moddb::Batch batch = database.batch();
        for (unsigned n = 0; n < 500 && i < last; ++n, ++i)
            batch.set("k" + std::to_string(i), value_of(i));
        batch.run();
    }
}

void read_some(moddb::Database &database, unsigned last)
{
    for (unsigned n = 0; n < 20'000; ++n) {
        const unsigned i = n * 7919 % last;
        test::require(database.get("k" + std::to_string(i)) == value_of(i), "the value is right");
    }
}

std::uint64_t counted(moddb::Database &database, const std::string &name)
{
    const moddb_database_info info = database.database(name);
    return info.hits + info.misses;
}

} // namespace

int main()
{
    return test::run_test("neighbours-window-memory", [] {
        const Parameter in_all("max_bytes", 700 << 20);
        const Parameter of_user("max_user_bytes", 600 << 20);
        moddb::Database administration;
        moddb::DatabaseOptions options;
        options.mode = 0666;
        test::Workers workers;
        workers.start([&] {
            become(attacker);
            moddb::Database own;
            own.create("strangers", options);
            moddb::Database database("strangers");
            fill(database, 0, entries);
        });
        workers.wait();

        {
            const Cgroup small("reader", 64 << 20);
            const std::uint64_t before = counted(administration, "strangers");
            workers.start([&] {
                small.enter();
                moddb::Database database("strangers");
                read_some(database, entries);
            });
            workers.wait();
            test::require(small.killed() == 0, "no reader was killed");
            test::require(counted(administration, "strangers") - before < 10'000,
                          "most was read through the window");
            std::printf("window: %llu MiB\n",
                        static_cast<unsigned long long>(
                            administration.database("strangers").window_bytes >> 20));
        }
        {
            const Cgroup small("writer", 48 << 20);
            workers.start([&] {
                small.enter();
                moddb::Database database("strangers");
                // Longer values make the window grow; the writer is charged for one entry only.
                for (unsigned i = 0; i < 20'000; ++i)
                    database.set("mine", std::string(i % 100 ? 100 : 100'000, 'x'));
                for (unsigned i = 0; i < 100; ++i)
                    database.set("mine" + std::to_string(i), std::string(100'000, 'x'));
                database.get("mine");
            });
            workers.wait();
            test::require(small.killed() == 0, "no writer was killed");
        }
        administration.remove("strangers");

        {
            const Cgroup small("creator", 48 << 20);
            workers.start([&] {
                small.enter();
                become(attacker);
                moddb::Database own;
                own.create("tight", options);
                moddb::Database database("tight");
                fill(database, 0, 20'000);
            });
            workers.wait();
            // There is no room for a window of 40 MB in addition to the entries.
            workers.start([&] {
                moddb::Database database("tight");
                read_some(database, 20'000);
            });
            workers.wait();
            test::require(small.killed() == 0, "no creator was killed for a window");
            const std::uint64_t window = administration.database("tight").window_bytes;
            std::printf("in a cgroup of 48 MiB: a window of %llu MiB\n",
                        static_cast<unsigned long long>(window >> 20));
            test::require(window < 24 << 20, "the window is in its creator's cgroup");
            administration.remove("tight");
        }
    });
}
