// SPDX-License-Identifier: MIT
//
// A session ends with its last descriptor, and its ephemeral entries are deleted then, whatever
// mappings of the window remain. A mapping keeps the module loaded, but no lock of a dead owner.

#include "support.hpp"

using namespace neighbours;

namespace {

void require_gone(moddb::Database &database, const char *when)
{
    test::require(!database.get("lock"), std::string("the lock is gone ") + when);
}

// close() ends the session while the window stays mapped and readable.
void closed_while_mapped()
{
    moddb::Database observer;
    const int fd = bound("default");
    test::require(set_through(fd, "lock", "mine", true) == 0, "an ephemeral set");
    const volatile unsigned char *memory = static_cast<unsigned char *>(map_window(fd));
    test::require(observer.get("lock").has_value(), "the lock is there");
    close(fd);
    require_gone(observer, "at close(), with the window mapped");
    test::require(memory[0] == 'm', "the window can still be read");
}

// SIGKILL of the owner ends the session while a child, without its descriptors, keeps the mapping.
void killed_while_a_child_maps()
{
    moddb::Database observer;
    test::Shared<std::atomic<pid_t>> child;
    test::Workers workers;
    const pid_t owner = workers.start([&] {
        const int fd = bound("default");
        test::require(set_through(fd, "lock", "mine", true) == 0, "an ephemeral set");
        volatile unsigned char *memory = static_cast<unsigned char *>(map_window(fd));
        const pid_t mapper = fork();
        if (mapper == 0) {
            for (int other = 3; other < 256; ++other)
                close(other);
            test::require(memory[0] == 'm', "a child reads the window");
            *child = getpid();
            for (;;)
                pause();
        }
        for (;;)
            pause();
    });
    test::wait_until([&] { return child->load() != 0; }, "a child has the mapping");
    test::require(observer.get("lock").has_value(), "the lock is there");
    workers.kill_one(owner);
    require_gone(observer, "when the owner was killed, with the mapping in a child");
    kill(*child, SIGKILL);
}

// Splitting, moving and duplicating the mapping keeps no session either.
void closed_while_mapped_in_pieces()
{
    moddb::Database observer;
    const int fd = bound("default");
    test::require(set_through(fd, "lock", "mine", true) == 0, "an ephemeral set");
    char *memory = static_cast<char *>(map_window(fd));
    munmap(memory + 4096, 4096);
    mremap(memory, 0, 4096, MREMAP_MAYMOVE);
    mremap(memory + 8192, 4096, 4096, MREMAP_MAYMOVE | MREMAP_FIXED, memory + 4096);
    map_window(fd, 4096);
    close(fd);
    require_gone(observer, "at close(), with pieces of the window mapped");
}

// A forked process has neither its parent's handles nor their mappings.
void library_forks()
{
    moddb::Database reader;
    reader.set("k", "v");
    for (int i = 0; i < 200; ++i)
        test::require(reader.get("k") == "v", "a read");
    test::require(read_text("/proc/self/maps").find("moddb-window") != std::string::npos,
                  "the library has mapped the window");
    test::Workers workers;
    workers.start([&] {
        test::require(read_text("/proc/self/maps").find("moddb-window") == std::string::npos,
                      "a child has no mapping of its parent's");
        // Using the parent's handle must not unmap what the child has mapped at its address.
        moddb::Database own;
        own.get("k");
        try {
            reader.get("k");
            test::fail("the parent's handle works in a child");
        } catch (const moddb::Error &) {
        }
    });
    workers.wait();
    reader.del("k");
}

// A mapping alone keeps the module loaded.
void mapped_and_loaded()
{
    const auto users = [] { return std::stoi(read_text("/sys/module/moddb/refcnt")); };
    const int before = users();
    const int fd = bound("default");
    void *memory = map_window(fd, 4096);
    close(fd);
    test::require(users() > before, "a mapping holds the module");
    munmap(memory, 4096);
    test::wait_until([&] { return users() == before; }, "nothing holds the module after munmap()");
}

} // namespace

int main()
{
    return test::run_test("neighbours-sessions", [] {
        library_forks();
        mapped_and_loaded();
        // The mappings of these stay until the end.
        closed_while_mapped();
        killed_while_a_child_maps();
        closed_while_mapped_in_pieces();
    });
}
