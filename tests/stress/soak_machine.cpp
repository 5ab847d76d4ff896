// SPDX-License-Identifier: MIT
//
// Disturbances of the machine during the soak: memory pressure and exhaustion, a CPU that goes
// offline and online, clock jumps, short-lived containers, attempts to unload the module. A
// disturbance that the kernel does not support is skipped; restore_machine() undoes the changes.

#include "soak.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <ctime>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace soak {

namespace {

constexpr const char *processor = "/sys/devices/system/cpu/cpu1/online";

std::uint64_t meminfo(const std::string &field)
{
    std::ifstream file("/proc/meminfo");
    std::string name, unit;
    std::uint64_t number;
    while (file >> name >> number && std::getline(file, unit))
        if (name == field + ":")
            return number * 1024;
    return 0;
}

std::int64_t real_minus_boot_ns()
{
    timespec real, boot;
    clock_gettime(CLOCK_REALTIME, &real);
    clock_gettime(CLOCK_BOOTTIME, &boot);
    return (real.tv_sec - boot.tv_sec) * 1'000'000'000 + (real.tv_nsec - boot.tv_nsec);
}

// The state when the program began.
const std::int64_t wall_offset = real_minus_boot_ns();

void set_clock(std::int64_t offset_ns)
{
    timespec boot;
    clock_gettime(CLOCK_BOOTTIME, &boot);
    const timespec wall = test::timespec_of(std::chrono::seconds(boot.tv_sec) +
                                            std::chrono::nanoseconds(boot.tv_nsec + offset_ns));
    test::require(clock_settime(CLOCK_REALTIME, &wall) == 0, "the clock can be set");
}

// Memory that is really allocated until the destructor frees it.
class Taken {
  public:
    ~Taken()
    {
        for (void *chunk : chunks_)
            munmap(chunk, size);
    }
    bool more()
    {
        void *chunk =
            mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (chunk == MAP_FAILED)
            return false;
        chunks_.push_back(chunk);
        for (std::size_t at = 0; at < size; at += 4096)
            static_cast<volatile char *>(chunk)[at] = 1;
        return true;
    }
    static constexpr std::size_t size = 4 << 20;

  private:
    std::vector<void *> chunks_;
};

void expect_to_be_killed()
{
    std::ofstream("/proc/self/oom_score_adj") << "1000\n";
}

// Runs a function in a process of its own and waits until it ends, in any way.
template <typename F>
int in_process(F &&body)
{
    std::fflush(stdout);
    const pid_t child = fork();
    if (child < 0)
        return 0;
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        body();
        std::_Exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return status;
}

void wait_a_while(const Progress &progress, std::chrono::milliseconds time)
{
    for (; time.count() > 0 && !progress.is_over; time -= std::chrono::milliseconds(50))
        test::pause(std::chrono::milliseconds(50));
}

} // namespace

void squeeze_memory(Progress &progress, std::mt19937 &random, unsigned)
{
    const std::uint64_t left = meminfo("MemTotal") / 16;
    // In a process of its own, in case the out-of-memory killer chooses it.
    in_process([&] {
        expect_to_be_killed();
        Taken taken;
        while (!progress.is_over && available_bytes() > left + Taken::size && taken.more()) {
        }
        wait_a_while(progress, std::chrono::milliseconds(500 + random() % 1000));
    });
    wait_a_while(progress, std::chrono::milliseconds(1000 + random() % 3000));
}

namespace {

// A cgroup with little memory, which runs out within seconds and only for this process.
bool enter_small_group()
{
    const std::string groups = "/sys/fs/cgroup/", mine = groups + "moddb-soak/";
    std::ofstream(groups + "cgroup.subtree_control") << "+memory\n";
    mkdir(mine.c_str(), 0755);
    std::ofstream(mine + "memory.max") << (48 << 20) << '\n';
    std::ofstream procs(mine + "cgroup.procs");
    procs << getpid() << '\n';
    return procs.flush().good();
}

} // namespace

void run_out_of_memory(Progress &progress, std::mt19937 &random, unsigned)
{
    wait_a_while(progress, std::chrono::milliseconds(3000 + random() % 7000));
    if (progress.is_over)
        return;
    const int status = in_process([&] {
        expect_to_be_killed();
        if (!enter_small_group())
            return;
        try {
            // Its ephemeral entries are deleted with it; they are charged to the cgroup like its
            // own memory.
            moddb::Database database;
            moddb::WriteOptions options;
            options.ephemeral = true;
            moddb::Watch watch = database.watch();
            Taken taken;
            for (unsigned i = 0; !progress.is_over && taken.more(); ++i)
                for (unsigned k = 0; k < 10; ++k)
                    database.set("held/starving/" + std::to_string(i * 10 + k),
                                 std::string(100'000, 'v'), options);
        } catch (const moddb::Error &error) {
            test::require(error.code().value() == ENOMEM, std::string("starving: ") + error.what());
        } catch (const std::bad_alloc &) {
            // Its own memory ran out.
        }
    });
    test::require(!WIFEXITED(status) || WEXITSTATUS(status) == 0,
                  "a process that runs out of memory");
    progress.starved += WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

void switch_processors(Progress &progress, std::mt19937 &random, unsigned)
{
    for (const char *state : {"0", "1"}) {
        const int fd = open(processor, O_WRONLY | O_CLOEXEC);
        // The CPU may be busy, or not be removable.
        if (fd >= 0 && write(fd, state, 1) == 1)
            ++progress.switches;
        close(fd);
        wait_a_while(progress, std::chrono::milliseconds(300 + random() % 2000));
    }
}

void jump_in_time(Progress &progress, std::mt19937 &random, unsigned)
{
    const auto seconds = static_cast<std::int64_t>(random() % 200'000) - 100'000;
    set_clock(wall_offset + seconds * 1'000'000'000);
    ++progress.jumps;
    wait_a_while(progress, std::chrono::milliseconds(100 + random() % 900));
}

namespace {

// Runs in a container until the other end of the pipe is closed.
void be_container(int done, int hold, bool ends_itself)
{
    try {
        test::require(unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) == 0,
                      "a container can be made");
        moddb::Database database;
        test::require(database.list().size() == 0, "a container begins empty");
        database.create("its.own");
        moddb::Database own("its.own");
        moddb::WriteOptions options;
        options.ephemeral = true;
        moddb::Watch watch = own.watch();
        for (int i = 0; i < 30; ++i) {
            database.set(std::to_string(i), "container's", options);
            own.set(std::to_string(i), std::string(500, 'v'));
        }
        test::require(database.list().size() == 30, "a container has what it wrote");
        test::require(database.stat().databases == 2, "a container has its own databases");
        close(done);
        char byte;
        if (!ends_itself)
            static_cast<void>(read(hold, &byte, 1));
    } catch (const moddb::Error &error) {
        // Memory may be short here too.
        const int code = error.code().value();
        test::require(code == ENOMEM || code == ENOBUFS || code == ETIMEDOUT || code == EAGAIN ||
                          code == EDQUOT,
                      std::string("in a container: ") + error.what());
    } catch (const std::bad_alloc &) {
        // Or the process itself may run out of memory.
    }
}

} // namespace

void come_and_go(Progress &progress, std::mt19937 &random, unsigned)
{
    const bool ends_itself = random() % 2;
    int done[2], hold[2];
    test::require(pipe2(done, O_CLOEXEC) == 0 && pipe2(hold, O_CLOEXEC) == 0, "pipe");
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        close(done[0]);
        close(hold[1]);
        be_container(done[1], hold[0], ends_itself);
        std::_Exit(0);
    }
    close(done[1]);
    close(hold[0]);
    if (child > 0) {
        char byte;
        static_cast<void>(read(done[0], &byte, 1));
        if (!ends_itself)
            kill(child, SIGKILL);
        int status = 0;
        waitpid(child, &status, 0);
        test::require(WIFSIGNALED(status) || WEXITSTATUS(status) == 0, "a container");
        ++progress.containers;
    }
    close(done[0]);
    close(hold[1]);
    wait_a_while(progress, std::chrono::milliseconds(random() % 300));
}

void try_to_unload(Progress &progress, std::mt19937 &random, unsigned)
{
    // While one file is open, the module cannot be unloaded.
    const int file = open("/dev/moddb", O_RDWR | O_CLOEXEC);
    if (file >= 0) {
        for (unsigned i = 0; i < 20 && !progress.is_over; ++i) {
            test::require(syscall(SYS_delete_module, "moddb", O_NONBLOCK) != 0,
                          "the module is not unloaded while a file is open");
            test::require(errno == EAGAIN || errno == EBUSY || errno == EWOULDBLOCK,
                          "unloading is refused because the module is in use");
            ++progress.unloadings;
            wait_a_while(progress, std::chrono::milliseconds(50));
        }
        close(file);
    }
    wait_a_while(progress, std::chrono::milliseconds(random() % 1000));
}

void restore_machine()
{
    set_clock(wall_offset);
    rmdir("/sys/fs/cgroup/moddb-soak");
    if (access(processor, W_OK) == 0)
        std::ofstream(processor) << "1";
}

std::uint64_t available_bytes()
{
    return meminfo("MemAvailable");
}

std::uint64_t slab_bytes()
{
    std::error_code none;
    for (const auto &cache : std::filesystem::directory_iterator("/sys/kernel/slab", none))
        if (cache.path().filename().string().starts_with("moddb"))
            std::ofstream(cache.path() / "shrink") << "1";
    std::ifstream file("/proc/slabinfo");
    std::uint64_t bytes = 0;
    for (std::string line; std::getline(file, line);) {
        std::istringstream fields(line);
        std::string name;
        std::uint64_t active, objects, size;
        if (fields >> name >> active >> objects >> size && name.starts_with("moddb"))
            bytes += objects * size;
    }
    return bytes;
}

} // namespace soak
