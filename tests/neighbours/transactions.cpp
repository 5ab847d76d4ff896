// SPDX-License-Identifier: MIT
//
// Many threads of an ordinary user each begin a transaction with long values that never ends: its
// last key is in memory that they never supply. The memory that the kernel has allocated for all of
// them must count for their user, and other users must still be able to run transactions.

#include "measure.hpp"

#include <linux/userfaultfd.h>
#include <sys/syscall.h>

#include <thread>

using namespace neighbours;

namespace {

constexpr unsigned threads = 32;
constexpr std::uint64_t limit = 64u << 20, page = 4096;
// The bytes of each transaction, and how many it may have before they count.
constexpr std::uint64_t taken = 16u << 20, uncounted = 1u << 20;

struct Progress {
    std::atomic<unsigned> waiting{0}, refused{0};
    std::atomic<bool> is_over{false};
};

// A page that is never supplied: a system call that reads it sleeps.
char *missing_page(int faults)
{
    char *memory = static_cast<char *>(
        mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    uffdio_register range{};
    range.range = {reinterpret_cast<std::uintptr_t>(memory), page};
    range.mode = UFFDIO_REGISTER_MODE_MISSING;
    test::require(memory != MAP_FAILED && ioctl(faults, UFFDIO_REGISTER, &range) == 0,
                  "a page that is missing");
    return memory;
}

moddb_device_op set_of(const char *key, const std::string &value)
{
    moddb_device_op op{};
    op.code = MODDB_OP_CODE_SET;
    op.key = reinterpret_cast<std::uintptr_t>(key);
    op.key_len = 3;
    op.value = reinterpret_cast<std::uintptr_t>(value.data());
    op.value_len = static_cast<std::uint32_t>(value.size());
    return op;
}

// Returns the error, or 0.
int transact(int fd, std::vector<moddb_device_op> &ops)
{
    moddb_device_exec call{};
    call.ops = reinterpret_cast<std::uintptr_t>(ops.data());
    call.count = static_cast<std::uint32_t>(ops.size());
    call.op_size = sizeof(moddb_device_op);
    call.flags = MODDB_DEVICE_TRANSACTION;
    return ioctl(fd, MODDB_IOC_EXEC, &call) ? errno : 0;
}

std::vector<moddb_device_op> large_transaction(const std::vector<std::string> &keys,
                                               const std::string &value)
{
    std::vector<moddb_device_op> ops;
    for (const std::string &key : keys)
        ops.push_back(set_of(key.c_str(), value));
    return ops;
}

std::vector<std::string> keys_of(unsigned number)
{
    std::vector<std::string> keys;
    for (unsigned i = 0; i < number; ++i)
        keys.push_back(std::to_string(100 + i));
    return keys;
}

void attack(Progress &progress)
{
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    const int faults = static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC));
    uffdio_api api{};
    api.api = UFFD_API;
    test::require(faults >= 0 && ioctl(faults, UFFDIO_API, &api) == 0, "userfaultfd");
    const std::string value(taken / 16 - 1, 'v');
    const std::vector<std::string> keys = keys_of(16);
    std::vector<std::thread> all;
    const auto begin = [&] {
        all.emplace_back([&] {
            const int fd = bound("default");
            std::vector<moddb_device_op> ops = large_transaction(keys, value);
            ops.push_back(set_of(missing_page(faults), ""));
            test::require(transact(fd, ops) == EDQUOT, "refused by the limit");
            ++progress.refused;
        });
    };
    // Transactions that are not refused wait for their page.
    const auto await_page = [&] {
        uffd_msg message;
        if (read(faults, &message, sizeof(message)) == sizeof(message))
            ++progress.waiting;
    };
    // The first one alone: many that are decoded at once can all be refused, each for the others.
    begin();
    await_page();
    for (unsigned i = 1; i < threads; ++i)
        begin();
    for (;;)
        await_page();
}

} // namespace

int main()
{
    return test::run_test("neighbours-transactions", [] {
        write_text("/proc/sys/vm/unprivileged_userfaultfd", "1");
        const Parameter of_user("max_user_bytes", limit);
        test::Workers attackers, other;
        const test::Shared<Progress> progress;
        attackers.start([&] { attack(*progress); });
        test::wait_until([&] { return progress->waiting + progress->refused == threads; },
                         "all have begun", std::chrono::minutes(2));
        std::printf("%u transactions of 16 MiB wait, %u are refused\n", progress->waiting.load(),
                    progress->refused.load());
        test::require(progress->waiting > 0 && progress->waiting * (taken - 2 * uncounted) <= limit,
                      "the kernel allocates no more than the user may have");
        other.start([&] {
            become(1001);
            const int fd = bound("default");
            const std::vector<std::string> keys = keys_of(15);
            const std::string value(1 << 20, 'o');
            std::vector<moddb_device_op> ops = large_transaction(keys, value);
            const int error = transact(fd, ops);
            test::require(error == 0, "another user's transaction: error " + std::to_string(error));
        });
        other.wait();
        moddb::Database("default").clear("default");
    });
}
