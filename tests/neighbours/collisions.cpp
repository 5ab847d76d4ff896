// SPDX-License-Identifier: MIT
//
// A listing follows the order of the table hash, whose seed is secret. A user who may list and
// write a database can still collect keys that share a bucket with another user's key: write many
// keys, keep those listed next to that key, delete all, and repeat. The attacker then writes the
// collected keys; this makes the kernel choose a new seed, and the attacker begins again. No write,
// of that key or another, may become slow or fail; no listing may lack an entry or contain one
// twice; and no reader of the window may miss one.

#include "measure.hpp"

using namespace neighbours;

namespace {

// The number of keys per round: eight for each bucket of the smallest table.
constexpr unsigned tried_each = 4096;
constexpr std::ptrdiff_t kept_each = 3; // on either side of the target
constexpr unsigned rounds = 6;
constexpr unsigned stable_keys = 200;

std::string stable_key(unsigned number)
{
    return "stable-" + std::to_string(number);
}

void write_all(moddb::Database &database, const std::vector<std::string> &keys, bool deletes)
{
    moddb::Batch batch = database.batch();
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (deletes)
            batch.del(keys[i]);
        else
            batch.set(keys[i], "v");
        if (i % 1000 == 999 || i + 1 == keys.size()) {
            batch.run();
            for (std::size_t j = 0; j < batch.size(); ++j)
                test::require(batch.result(j).status == 0, "no write fails");
            batch.clear();
        }
    }
}

std::vector<std::string> listed(moddb::Database &database, const std::string &prefix = {})
{
    moddb::ListOptions options;
    options.prefix = prefix;
    std::vector<std::string> keys;
    for (const moddb::EntryView &entry : database.list(options))
        keys.emplace_back(entry.key);
    return keys;
}

struct Progress {
    std::atomic<bool> is_over{false};
    std::atomic<unsigned> attacks{0};
    std::atomic<unsigned> listings{0};
};

// The keys of the attacker that are listed next to the target or, for comparison, far from it.
std::vector<std::string> keep(const std::vector<std::string> &order, bool near)
{
    auto at = std::find(order.begin(), order.end(), "target");
    if (at == order.end())
        return {}; // the victim has just deleted it
    std::vector<std::string> kept;
    const auto size = static_cast<std::ptrdiff_t>(order.size());
    const std::ptrdiff_t step = near ? 1 : size / (2 * kept_each + 2);
    for (std::ptrdiff_t i = -kept_each; i <= kept_each; ++i) {
        const std::string &key =
            order[static_cast<std::size_t>((at - order.begin() + i * step + size) % size)];
        if (key.starts_with("try-"))
            kept.push_back(key);
    }
    return kept;
}

void attack(Progress &progress, bool near)
{
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    moddb::Database database("open", moddb::Transport::device);
    for (unsigned number = 0; !progress.is_over; ++progress.attacks) {
        std::vector<std::string> collected;
        for (unsigned round = 0; round < rounds; ++round) {
            std::vector<std::string> tried;
            for (unsigned i = 0; i < tried_each; ++i)
                tried.push_back("try-" + std::to_string(number++));
            write_all(database, tried, false);
            for (std::string &key : keep(listed(database), near))
                collected.push_back(std::move(key));
            write_all(database, tried, true);
        }
        for (unsigned again = 0; again < 20; ++again) {
            write_all(database, collected, false);
            write_all(database, collected, true);
        }
    }
}

// Lists and reads entries that do not change.
void check(Progress &progress)
{
    moddb::Database database("open");
    while (!progress.is_over) {
        std::vector<std::string> keys = listed(database, "stable-");
        test::require(keys.size() == stable_keys,
                      "every entry is listed, not " + std::to_string(keys.size()));
        std::sort(keys.begin(), keys.end());
        test::require(std::unique(keys.begin(), keys.end()) == keys.end(),
                      "no entry is listed twice");
        for (unsigned i = 0; i < stable_keys; ++i)
            test::require(database.get(stable_key(i)).has_value(), "every entry can be read");
        ++progress.listings;
    }
}

// The 90th percentile of the time of a write to the target while the attacker writes keys that
// collide with it, or keys that do not.
double cost_during_attack(bool near)
{
    const test::Shared<Progress> progress;
    test::Workers others;
    others.start([&] { attack(*progress, near); });
    others.start([&] { check(*progress); });
    std::vector<double> samples;
    test::Workers victim;
    const test::Shared<double> result;
    victim.start([&] {
        moddb::Database database("open", moddb::Transport::device);
        take_priority();
        while (progress->attacks < 15 / watched_kernel() || progress->listings < 10) {
            samples.push_back(microseconds([&] { database.set("target", "v"); }));
            // The key must exist for as long as a listing takes, or no listing contains it.
            test::pause(std::chrono::milliseconds(2));
            database.del("target", moddb::WriteOptions{});
        }
        *result = quantile(samples, 0.9);
    });
    victim.wait();
    progress->is_over = true;
    others.wait();
    std::printf("%u attacks, %u listings\n", progress->attacks.load(), progress->listings.load());
    return *result;
}

} // namespace

int main()
{
    return test::run_test("collisions", [] {
        moddb::Database root;
        moddb::DatabaseOptions options;
        options.mode = 0666;
        root.create("open", options);
        moddb::Database open("open");
        std::vector<std::string> keys, many;
        for (unsigned i = 0; i < stable_keys; ++i)
            keys.push_back(stable_key(i));
        write_all(open, keys, false);

        // Without an attack the table keeps its secret, and so its order, while it grows and
        // shrinks. On a busy machine the kernel's worker may make a table larger so late that
        // ordinary keys look like an attack.
        for (unsigned i = 0; i < 300'000 / watched_kernel(); ++i)
            many.push_back("many-" + std::to_string(i));
        const auto keeps_order = [&] {
            const std::vector<std::string> before = listed(open, "stable-");
            write_all(open, many, false);
            write_all(open, many, true);
            return listed(open, "stable-") == before;
        };
        test::require(keeps_order() || keeps_order() || keeps_order(),
                      "ordinary keys do not change the order");
        std::vector<std::string> order = listed(open, "stable-");
        require_ratio_of_best(
            "a write during an attack with colliding keys",
            [&] {
                const double result = cost_during_attack(true);
                // A worker moves the entries.
                test::wait_until([&] { return listed(open, "stable-") != order; },
                                 "the collected keys no longer collide");
                order = listed(open, "stable-");
                return result;
            },
            [&] {
                const double result = cost_during_attack(false);
                test::require(listed(open, "stable-") == order,
                              "keys that do not collide do not change the order");
                return result;
            },
            2);
        root.remove("open");
    });
}
