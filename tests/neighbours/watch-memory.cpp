// SPDX-License-Identifier: MIT
//
// Waiting events are charged to the watcher: a writer in a small cgroup survives watchers that do
// not read, and so do such watchers in a small cgroup of their own, which get an overrun.

#include "watchers.hpp"

#include <sys/stat.h>

#include <fstream>

namespace {

constexpr unsigned many = 256;
constexpr std::size_t value_size = 30000;
constexpr unsigned writes = 20000;
constexpr unsigned long most = 16ul << 20;

void write_file(const std::string &path, const std::string &text)
{
    std::ofstream file(path);
    file << text << '\n';
    test::require(file.flush().good(), path + " can be written");
}

class Cgroup {
  public:
    Cgroup(const char *name, const char *limit) : path_(std::string(root) + "/" + name)
    {
        write_file(std::string(root) + "/cgroup.subtree_control", "+memory");
        test::require(mkdir(path_.c_str(), 0755) == 0, "make a cgroup");
        write_file(path_ + "/memory.max", limit);
    }
    ~Cgroup() { rmdir(path_.c_str()); }
    Cgroup(const Cgroup &) = delete;
    Cgroup &operator=(const Cgroup &) = delete;

    void enter() const { write_file(path_ + "/cgroup.procs", "0"); }
    unsigned long number(const char *file, const char *name = nullptr) const
    {
        std::ifstream stream(path_ + "/" + file);
        std::string word;
        unsigned long number = 0;
        while (name && stream >> word && word != name)
            ;
        stream >> number;
        return number;
    }

  private:
    static constexpr const char *root = "/sys/fs/cgroup";
    std::string path_;
};

void sleep_as_watchers(const Cgroup *group, unsigned *watching)
{
    if (group)
        group->enter();
    test::become_user();
    std::deque<test::Watcher> watchers;
    for (unsigned i = 0; i < many; ++i)
        watchers.emplace_back("memory");
    __atomic_store_n(watching, many, __ATOMIC_RELEASE);
    for (;;)
        ::pause();
}

void write_much(const Cgroup *group)
{
    if (group)
        group->enter();
    moddb::Database database("memory");
    const std::string value(value_size, 'v');
    for (unsigned i = 0; i < writes; ++i) {
        database.set("key", value);
        // Replaced values are charged to the writer until a grace period has passed.
        if (group && i % 100 == 99)
            test::wait_until([&] { return group->number("memory.current") < most; },
                             "the writer is charged for replaced values only");
    }
}

void test_with(const Cgroup *writers, const Cgroup *watchers)
{
    moddb::Database root;
    moddb::DatabaseOptions open_to_all;
    open_to_all.mode = 0666;
    root.create("memory", open_to_all);
    const test::Shared<unsigned> watching;
    {
        test::Workers sleepers, workers;
        sleepers.start([&] { sleep_as_watchers(watchers, &*watching); });
        test::wait_until([&] { return __atomic_load_n(&*watching, __ATOMIC_ACQUIRE) == many; },
                         "all watch");
        workers.start([&] { write_much(writers); });
        // Fails if the writer was killed.
        workers.wait();
        sleepers.check();
        test::wait_until([&] { return root.database("memory").drops == many; },
                         "watchers that do not read are overrun");
        std::printf("the writer survives");
        for (const Cgroup *group : {writers, watchers}) {
            if (!group)
                continue;
            test::require(group->number("memory.events", "oom_kill") == 0, "no process was killed");
            const unsigned long peak = group->number("memory.peak");
            std::printf(", the %s: %lu KiB at most", group == writers ? "writer" : "watchers",
                        peak >> 10);
            // The log and the watchers' own memory are less than half of that. On a busy machine
            // the watchers are overrun before all sockets are full.
            test::require(group == writers || peak > 24ul << 20,
                          "waiting events are charged to the watchers");
        }
        std::printf("\n");
    }
    root.remove("memory");
}

void test_memory()
{
    {
        const Cgroup writers("moddb-writers", "48M");
        test_with(&writers, nullptr);
    }
    {
        const Cgroup watchers("moddb-watchers", "48M");
        test_with(nullptr, &watchers);
    }
    const Cgroup writers("moddb-writers", "48M"), watchers("moddb-watchers", "48M");
    test_with(&writers, &watchers);
}

} // namespace

int main()
{
    return test::run_test("watch-memory", test_memory);
}
