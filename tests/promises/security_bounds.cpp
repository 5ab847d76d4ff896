// SPDX-License-Identifier: MIT
//
// Bounds on what an ordinary user can cost the machine: memory is bounded or charged to the user's
// cgroup, whatever the user opens, stages, requests and never reads; keys that collide on purpose
// cost no more than others; and whatever the user does endlessly, other users make progress. Times
// are only compared with each other.
#include "security.h"

#include "../support/netlink.hpp"

#include <moddb/device.h>
#include <moddb/hash.h>
#include <moddb/netlink.h>
#include <moddb/window.h>

#include <algorithm>
#include <array>
#include <memory>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

TEST_SUITE_BEGIN("security-bounds");

namespace {

// Raises the limit of open files, as root may.
void want_files(rlim_t files)
{
    const rlimit limit{files, files};
    REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == 0);
}

// A memory cgroup that exists as long as the object; none without that controller.
struct Group {
    Group()
    {
        const int fd = open("/sys/fs/cgroup/cgroup.subtree_control", O_WRONLY | O_CLOEXEC);
        there = fd >= 0 && write(fd, "+memory", 7) == 7 && mkdir(path, 0755) == 0;
        close(fd);
    }
    ~Group()
    {
        // Its processes may still be exiting.
        if (there)
            eventually([&] { return rmdir(path) == 0; });
    }
    Group(const Group &) = delete;
    Group &operator=(const Group &) = delete;

    void add(pid_t pid) const
    {
        write_file(std::string(path) + "/cgroup.procs", std::to_string(pid));
    }
    // The kernel memory of its processes.
    int64_t bytes() const
    {
        FILE *file = std::fopen((std::string(path) + "/memory.stat").c_str(), "r");
        REQUIRE(file != nullptr);
        char name[64];
        long long number = 0, found = -1;
        while (found < 0 && std::fscanf(file, "%63s %lld", name, &number) == 2)
            if (std::string_view(name) == "kernel")
                found = number;
        std::fclose(file);
        REQUIRE(found >= 0);
        return found;
    }

    static constexpr const char *path = "/sys/fs/cgroup/moddb-security";
    bool there;
};

int bound_file(const char *name)
{
    const int fd = open("/dev/moddb", O_RDWR | O_CLOEXEC);
    must(fd >= 0, 20);
    moddb_device_bind bind{};
    std::strncpy(bind.database, name, sizeof bind.database - 1);
    bind.rights = MODDB_RIGHT_READ | MODDB_RIGHT_WRITE;
    must(ioctl(fd, MODDB_IOC_BIND, &bind) == 0, 21);
    return fd;
}

uint16_t family()
{
    static const uint16_t number = test::Socket().family("moddb");
    return number;
}

int plain_socket()
{
    const int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_GENERIC);
    must(fd >= 0, 22);
    return fd;
}

// Leaves the socket open, with the replies in its queue.
void ask_and_never_read(const test::Message &message)
{
    const std::string request = message.bytes(1);
    must(send(plain_socket(), request.data(), request.size(), 0) ==
             static_cast<ssize_t>(request.size()),
         23);
}

// Bytes in the queue of a socket, and its limit.
std::pair<uint32_t, uint32_t> queue_of(int fd)
{
    uint32_t info[16] = {};
    socklen_t length = sizeof info;
    REQUIRE(getsockopt(fd, SOL_SOCKET, 55 /* SO_MEMINFO */, info, &length) == 0);
    return {info[0], info[1]};
}

struct Costs {
    const char *what;
    int count;
    int64_t least; // the least number of bytes that one of them takes,
    enum { nothing, a_socket, a_file } baseline; // not counting this, which is not the module's
    std::function<void(int, std::vector<std::shared_ptr<void>> &)> take;
};

template <typename T, typename... Arguments>
T &keep(std::vector<std::shared_ptr<void>> &kept, Arguments &&...arguments)
{
    auto made = std::make_shared<T>(std::forward<Arguments>(arguments)...);
    T &object = *made;
    kept.push_back(std::move(made));
    return object;
}

// The seed of a database's window hash, which every reader can see.
uint64_t seed_of(const char *name)
{
    const int fd = bound_file(name);
    moddb_device_window window{};
    window.layout = MODDB_WINDOW_LAYOUT;
    REQUIRE(ioctl(fd, MODDB_IOC_WINDOW, &window) == 0);
    void *memory =
        mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(window.offset));
    REQUIRE(memory != MAP_FAILED);
    const uint64_t seed = static_cast<const moddb_window_header *>(memory)->seed;
    munmap(memory, 4096);
    close(fd);
    return seed;
}

uint64_t window_offset(int fd)
{
    moddb_device_window window{};
    window.layout = MODDB_WINDOW_LAYOUT;
    REQUIRE(ioctl(fd, MODDB_IOC_WINDOW, &window) == 0);
    return window.offset;
}

// Keys with the same window hash, in all 64 bits: the last eight bytes make one of the two factors
// of a product zero.
std::string colliding_key(uint64_t seed, uint64_t number)
{
    const uint64_t last = seed ^ MODDB_HASH_PRIME1;
    std::string key(16, '\0');
    std::memcpy(key.data(), &number, 8);
    std::memcpy(key.data() + 8, &last, 8);
    return key;
}

uint64_t processor_time_ns()
{
    timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<uint64_t>(now.tv_nsec);
}

// The shortest time of an action in several rounds.
template <typename F>
uint64_t least_time(F &&action)
{
    uint64_t least = UINT64_MAX;
    for (int round = 0; round < 6; ++round) {
        const uint64_t begin = processor_time_ns();
        action();
        least = std::min(least, processor_time_ns() - begin);
    }
    return least;
}

} // namespace

TEST_CASE("everything that a user keeps in the kernel is charged to the user's cgroup")
{
    const Parameter watches("max_user_watches", "100000");
    want_files(30'000);
    const Costs costs[] = {
        {"entries", 4000, 1000, Costs::nothing,
         [](int i, auto &) {
             static const Session mine("costs");
             must(set(mine, std::to_string(i), std::string(1000, 'v')) == 0, 30);
         }},
        {"staged values", 16, 1'000'000, Costs::a_socket,
         [](int, auto &) {
             test::Message part(family(), MODDB_CMD_STAGE, 0);
             part.number(MODDB_A_ENTRY_VALUE_LENGTH, uint32_t{1 << 20})
                 .number(MODDB_A_ENTRY_OFFSET, uint32_t{0})
                 .put(MODDB_A_ENTRY_VALUE, "x");
             ask_and_never_read(part);
         }},
        {"open files", 12'000, 180, Costs::a_file, [](int, auto &) { bound_file("costs"); }},
        {"watches", 4000, 1024 + 200, Costs::nothing,
         [](int, auto &kept) {
             static test::Socket *socket = nullptr;
             if (kept.size() % 200 == 0)
                 socket = &keep<test::Socket>(kept);
             else
                 kept.push_back(nullptr);
             test::Message message(socket->family("moddb"), MODDB_CMD_WATCH, NLM_F_ACK);
             message.put(MODDB_A_ENTRY_DATABASE, std::string_view("costs\0", 6))
                 .nest(MODDB_A_ENTRY_PATTERN,
                       test::Message::nested().put(MODDB_A_ENTRY_PREFIX, std::string(1024, 'p')));
             must(socket->ask(message).back().error == 0, 32);
         }},
        {"listings under way", 2000, 1100, Costs::a_socket,
         [](int, auto &) {
             test::Message message(family(), MODDB_CMD_LIST, NLM_F_DUMP);
             message.put(MODDB_A_ENTRY_DATABASE, std::string_view("costs\0", 6));
             ask_and_never_read(message);
         }},
        {"databases", 200, 5000, Costs::nothing,
         [](int i, auto &) {
             static const Session mine;
             must(moddb_database_create(mine, ("costs" + std::to_string(i)).c_str(), nullptr) == 0,
                  34);
         }},
        {"windows", 16, 256 << 10, Costs::nothing,
         [](int i, auto &) {
             static const Session mine;
             const std::string name = "costs" + std::to_string(i);
             must(moddb_database_create(mine, name.c_str(), nullptr) == 0, 34);
             const Session other(name.c_str());
             must(set(other, "k", "v") == 0, 35);
             const int fd = bound_file(name.c_str());
             moddb_device_window window{};
             window.layout = MODDB_WINDOW_LAYOUT;
             must(ioctl(fd, MODDB_IOC_WINDOW, &window) == 0, 36);
         }},
        {"unread events", 30, 100'000, Costs::nothing,
         [](int i, auto &kept) {
             static const Session mine("costs");
             const Session &watching = keep<Session>(kept, "costs");
             keep<Watcher>(kept, watching, "w");
             if (i == 29)
                 for (int n = 0; n < 400; ++n)
                     must(set(mine, "w", std::string(1000, 'v')) == 0, 37);
         }},
    };
    for (const Costs &cost : costs) {
        const std::string what = cost.what;
        CAPTURE(what);
        // A cgroup of its own, because the previous child's memory is freed asynchronously.
        const Group group;
        if (!group.there) {
            MESSAGE("this kernel accounts no memory");
            return;
        }
        const Database database("costs");
        REQUIRE(database.alter(MODDB_DATABASE_MODE, 0666) == 0);
        {
            // For the listings: more than fits into one message.
            const Session filled("costs");
            for (int i = 0; i < 600; ++i)
                REQUIRE(set(filled, std::string(200, 'f') + std::to_string(i), "v") == 0);
        }
        Child child([&](const Line &line) {
            line.hear();
            become(Attacker::user);
            // The first session allocates what a process needs only once.
            const Session first("costs");
            get(first, "k");
            std::vector<std::shared_ptr<void>> kept;
            kept.reserve(static_cast<size_t>(cost.count) * 2);
            line.say("ready");
            line.hear();
            for (int i = 0; i < cost.count && cost.baseline; ++i)
                must((cost.baseline == Costs::a_file ? open("/dev/null", O_RDWR | O_CLOEXEC)
                                                     : plain_socket()) >= 0,
                     38);
            line.say("and without");
            line.hear();
            for (int i = 0; i < cost.count; ++i)
                cost.take(i, kept);
            line.say("taken");
            line.hear();
        });
        group.add(child.pid);
        child.say("you are in it");
        REQUIRE(child.hear() == "ready");
        const int64_t before = group.bytes();
        child.say("go on");
        REQUIRE(child.hear() == "and without");
        const int64_t between = group.bytes();
        child.say("go on");
        REQUIRE(child.hear() == "taken");
        const auto took = [&] { return group.bytes() - between - (between - before); };
        const int64_t least = cost.least * cost.count;
        // The kernel sums the per-CPU counters every two seconds.
        eventually([&] { return took() >= least; });
        MESSAGE(what << ": " << took() / 1024 << " KiB, at least " << least / 1024);
        CHECK(took() >= least);
        child.kill();
        for (int i = 0; i < cost.count && what != "entries"; ++i)
            moddb_database_delete(database.keeper, ("costs" + std::to_string(i)).c_str());
    }
}

TEST_CASE("unread replies of a socket are bounded by its receive buffer")
{
    const Opened db;
    const std::string value = long_value(30'000, 1);
    REQUIRE(set(db, "k", value) == 0);
    for (int i = 0; i < 1000; ++i)
        REQUIRE(set(db, std::to_string(i), std::string(100, 'v')) == 0);
    for (const uint8_t command : {MODDB_CMD_GET, MODDB_CMD_LIST, MODDB_CMD_BATCH, MODDB_CMD_DB_LIST,
                                  MODDB_CMD_STAT, MODDB_CMD_SYNC}) {
        CAPTURE(int{command});
        test::Socket socket;
        const bool is_dump = command == MODDB_CMD_LIST || command == MODDB_CMD_DB_LIST;
        test::Message message(socket.family("moddb"), command, is_dump ? NLM_F_DUMP : 0);
        if (command == MODDB_CMD_GET)
            message.put(MODDB_A_ENTRY_KEY, "k");
        if (command == MODDB_CMD_LIST)
            message.put(MODDB_A_ENTRY_WANT_VALUE, "");
        if (command == MODDB_CMD_BATCH) {
            test::Message op = test::Message::nested();
            op.number(MODDB_A_ENTRY_CODE, uint32_t{MODDB_OP_CODE_GET}).put(MODDB_A_ENTRY_KEY, "k");
            message.nest(MODDB_A_ENTRY_OP, op);
        }
        const uint32_t room = queue_of(socket.fd()).second;
        uint32_t most = 0;
        const std::string request = message.bytes(1);
        for (int i = 0; i < 400; ++i) {
            send(socket.fd(), request.data(), request.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
            most = std::max(most, queue_of(socket.fd()).first);
        }
        // The last reply that fits may have the maximum size.
        CHECK(most > 0);
        CHECK(most <= room + 65536);
    }
    // Other sockets are not affected.
    CHECK(get(db, "k") == value);
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
}

TEST_CASE(
    "colliding keys slow down neither reads nor writes, and cause no endless successors of windows")
{
    constexpr uint64_t few = 50, many = 20'000;
    const Database keys("collide");
    const uint64_t seed = seed_of("collide");
    REQUIRE(moddb_hash(colliding_key(seed, 1).data(), 16, seed) ==
            moddb_hash(colliding_key(seed, 77).data(), 16, seed));
    const Session kernel("collide", MODDB_TRANSPORT_NETLINK),
        device("collide", MODDB_TRANSPORT_DEVICE), window("collide");
    moddb_handle *const handles[] = {kernel, device, window};
    const auto write = [&](uint64_t from, uint64_t to) {
        for (uint64_t i = from; i < to; ++i)
            REQUIRE(set(device, colliding_key(seed, i), "v") == 0);
    };
    const auto work = [&](moddb_handle *handle) {
        return least_time([&] {
            for (int round = 0; round < 10; ++round)
                for (uint64_t i = 0; i < few; ++i) {
                    REQUIRE(get(handle, colliding_key(seed, i)) == "v");
                    REQUIRE(set(handle, colliding_key(seed, i), "v") == 0);
                    REQUIRE(get(handle, colliding_key(seed, i + 1'000'000)) == "(errno 2)");
                }
        });
    };
    write(0, few);
    uint64_t before[std::size(handles)];
    for (size_t i = 0; i < std::size(handles); ++i)
        before[i] = work(handles[i]);
    write(few, many);
    for (size_t i = 0; i < std::size(handles); ++i) {
        // A chain of that many would be slower by an order of magnitude. Allow for the clock's
        // ticks, and measure again while the machine is busy.
        const uint64_t most = before[i] * 4 + 8'000'000;
        uint64_t after = work(handles[i]);
        for (int again = 0; again < 10 && after >= most; ++again)
            after = std::min(after, work(handles[i]));
        MESSAGE("among " << few << " keys: " << before[i] / 1000 << " us, among " << many << ": "
                         << after / 1000 << " us");
        CHECK(after < most);
    }
    // Neither the window nor a successor can hold them all: once the number of keys stops growing,
    // no more successors are built, whatever is written.
    const int fd = bound_file("collide");
    usleep(1'500'000);
    const uint64_t settled = window_offset(fd);
    for (int i = 0; i < 20; ++i) {
        for (uint64_t k = 0; k < 20; ++k)
            REQUIRE(set(device, colliding_key(seed, k), std::to_string(i)) == 0);
        usleep(100'000);
    }
    CHECK(window_offset(fd) == settled);
    close(fd);
    for (uint64_t k = 0; k < many; k += 7)
        REQUIRE(get(window, colliding_key(seed, k)) == (k < 20 ? "19" : "v"));
}

TEST_CASE("whatever a user does endlessly, others make progress")
{
    const Opened db;
    const Parameter watches("max_user_watches", "256");
    for (int i = 0; i < 5000; ++i)
        REQUIRE(set(db, "many/" + std::to_string(i), "v") == 0);
    const uint64_t seed = seed_of("default");
    const std::function<void(moddb_handle *)> acts[] = {
        // Transactions of the maximum size, on colliding keys.
        [seed](moddb_handle *mine) {
            moddb_batch *batch = nullptr;
            must(moddb_batch_new(mine, &batch) == 0, 20);
            for (uint64_t i = 0; i < MODDB_TXN_MAX; ++i)
                moddb_batch_set(batch, colliding_key(seed, i).data(), 16, "v", 1, nullptr, 0);
            moddb_batch_commit(batch, nullptr);
            moddb_batch_free(batch);
        },
        // Listings of everything, read and unread.
        [](moddb_handle *mine) {
            moddb_list *list = nullptr;
            if (moddb_list_open(mine, nullptr, &list) == 0)
                moddb_list_close(list);
        },
        // Watches that come and go, on keys that all write.
        [](moddb_handle *mine) {
            std::vector<std::unique_ptr<Watcher>> all;
            for (int i = 0; i < 20; ++i)
                all.push_back(std::make_unique<Watcher>(mine));
        },
        // Operations that lock the registry of databases.
        [](moddb_handle *mine) {
            const std::string pid = std::to_string(getpid());
            const std::string name = "place" + pid, next = "next" + pid;
            moddb_database_create(mine, next.c_str(), nullptr);
            moddb_database_options options = MODDB_INIT(options);
            options.fields = MODDB_DATABASE_MODE;
            options.mode = 0600;
            moddb_database_alter(mine, next.c_str(), &options);
            const char *names[] = {name.c_str()}, *sources[] = {next.c_str()};
            moddb_database_replace(mine, names, sources, 1);
        },
        // Sessions with one entry each.
        [](moddb_handle *) {
            const Session brief;
            set(brief, "brief/" + std::to_string(getpid()), "v", ephemeral());
        },
    };
    std::vector<std::unique_ptr<Child>> children;
    for (const auto &act : acts) {
        children.push_back(std::make_unique<Child>([&](const Line &line) {
            become(Attacker::user);
            const Session mine;
            act(mine);
            line.say("begun");
            for (;;)
                act(mine);
        }));
        REQUIRE(children.back()->hear() == "begun");
    }
    // The operations of another user, in the same database and in one of their own.
    Child other([](const Line &line) {
        become(2000, 2000);
        const Session mine;
        moddb_database_create(mine, "others", nullptr);
        const Session own("others");
        int done = 0;
        for (int i = 0; i < 50; ++i) {
            const std::string key = "other/" + std::to_string(i % 10);
            done += set(mine, key, "v") == 0 && get(mine, key) == "v" && del(mine, key) == 0 &&
                    set(own, key, "v") == 0 && get(own, key) == "v";
            const Watcher watcher(own, "other");
            done += watcher.status == 0;
        }
        for (int i = 0; i < 5; ++i)
            done += moddb_database_create(mine, "others.2", nullptr) == 0 &&
                    moddb_database_delete(mine, "others.2") == 0;
        line.say(std::to_string(done));
    });
    CHECK(other.hear(60'000) == "105");
    for (const auto &child : children) {
        CHECK(::kill(child->pid, 0) == 0);
        const std::string pid = std::to_string(child->pid);
        child->kill();
        moddb_database_delete(db, ("place" + pid).c_str());
        moddb_database_delete(db, ("next" + pid).c_str());
    }
    other.kill();
    REQUIRE(moddb_database_delete(db, "others") == 0);
    REQUIRE(moddb_database_clear(db, nullptr) == 0);
}

TEST_SUITE_END();
