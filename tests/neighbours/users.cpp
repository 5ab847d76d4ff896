// SPDX-License-Identifier: MIT
//
// Users whose ids collide: an ordinary user has 65,536 subordinate users and any number of user
// namespaces. Each subordinate user whose id shares a chain of a public hash with root's id writes
// an entry. Root's requests must not get slower. And containers that end and leave an entry behind
// must not hold their user namespaces, whose number is limited for each user.

#include "measure.hpp"

using namespace neighbours;

namespace {

constexpr unsigned first_id = 100'000, ids = 65'536;

// The kernel's hash_32() to 8 bits, which a module's table of fixed size uses; that of root is 0.
bool collides(uid_t uid)
{
    return (uid * 0x61C88647u) >> 24 == 0;
}

// Runs the function in a child, and waits for it.
template <typename Function>
void in_child(Function &&function)
{
    test::Workers workers;
    workers.start(function);
    workers.wait();
}

void make_user_namespace()
{
    test::require(prctl(PR_SET_DUMPABLE, 1) == 0 && unshare(CLONE_NEWUSER) == 0,
                  "a user namespace");
}

// A pipe: one process waits until another opens the gate.
struct Gate {
    Gate() { test::require(pipe(ends) == 0, "a pipe"); }
    void wait() const
    {
        char byte;
        test::require(read(ends[0], &byte, 1) == 1, "go on");
    }
    void open() const { test::require(write(ends[1], "g", 1) == 1, "go on"); }
    int ends[2];
};

// Runs the function as root of a user namespace of the attacker's with all subordinate users, as
// newuidmap makes it.
template <typename Function>
void in_user_namespace(Function &&function)
{
    const Gate made, mapped;
    const test::Shared<std::atomic<pid_t>> maker;
    test::Workers workers;
    workers.start([&] {
        become(attacker);
        make_user_namespace();
        *maker = getpid();
        made.open();
        mapped.wait();
        function();
    });
    made.wait();
    const std::string of = "/proc/" + std::to_string(maker->load());
    for (const char *map : {"/uid_map", "/gid_map"})
        write_text(of + map, "0 1000 1\n1 100000 65536\n");
    mapped.open();
    workers.wait();
}

// Writes an entry without the library, whose handle would take longer.
void write_entry(const std::string &key)
{
    const int fd = bound("default");
    test::require(set_through(fd, key, "v", false) == 0, "an entry");
    close(fd);
}

// Nests user namespaces as deep as the kernel allows, and writes an entry in each.
void nest_namespaces(const std::string &key, unsigned depth, std::atomic<unsigned> &written)
{
    for (unsigned i = 0; i < depth; ++i) {
        const std::string id = std::to_string(geteuid());
        make_user_namespace();
        write_text("/proc/self/setgroups", "deny");
        for (const char *map : {"/proc/self/uid_map", "/proc/self/gid_map"})
            write_text(map, id + " " + id + " 1");
        write_entry(key + std::to_string(i));
        ++written;
    }
}

// Lets all users whose ids collide with root's write entries, each from several chains of user
// namespaces.
unsigned leave_entries(unsigned chains)
{
    const test::Shared<std::atomic<unsigned>> written;
    in_user_namespace([&] {
        for (unsigned id = 0; id < ids; ++id) {
            if (!collides(first_id + id))
                continue;
            for (unsigned i = 0; i < chains; ++i)
                in_child([&] {
                    const std::string key =
                        "of-" + std::to_string(id) + "-" + std::to_string(i) + "-";
                    become(id + 1);
                    write_entry(key);
                    ++*written;
                    nest_namespaces(key, watched_kernel() == 1 ? 28 : 4, *written);
                });
        }
    });
    return *written;
}

double cost_of_a_set()
{
    const test::Shared<double> cost;
    in_child([&] {
        take_priority();
        moddb::Database database("default", moddb::Transport::netlink);
        *cost = median_microseconds(2000, [&] { database.set("mine", "v"); });
    });
    return *cost;
}

// A container that writes one entry and ends; false if its user namespace cannot be made.
bool leave_one(unsigned number)
{
    const test::Shared<bool> is_made;
    in_child([&] {
        test::require(prctl(PR_SET_DUMPABLE, 1) == 0, "a container");
        *is_made = unshare(CLONE_NEWUSER) == 0;
        if (*is_made)
            write_entry("left-" + std::to_string(number));
    });
    return *is_made;
}

void test_namespaces_end()
{
    const std::string most = "/proc/sys/user/max_user_namespaces", before = read_text(most);
    write_text(most, "8");
    for (unsigned i = 0; i < 40; ++i)
        // The kernel frees an ended namespace a little later.
        test::wait_until([&] { return leave_one(i); },
                         "a user namespace while entries of ended ones remain");
    write_text(most, before);
}

} // namespace

int main()
{
    return test::run_test("neighbours-users", [] {
        const std::string most = "/proc/sys/user/max_user_namespaces", before = read_text(most);
        write_text(most, "100000");
        moddb::Database root;
        const double alone = cost_of_a_set();
        const unsigned written = leave_entries(watched_kernel() == 1 ? 3 : 1);
        std::printf("%u users and namespaces\n", written);
        write_text(most, before);
        require_ratio_of_best(
            "a set with users whose ids collide", [] { return cost_of_a_set(); },
            [&] { return alone; }, 1.5);
        root.clear("default");
        test_namespaces_end();
        root.clear("default");
    });
}
