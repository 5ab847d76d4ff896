// SPDX-License-Identifier: MIT
//
// A million entries are deleted at once: their database is deleted, cleared or replaced, or the
// session or network namespace that they belong to ends. The call must return as fast as for an
// empty database, no entry may be readable afterwards, and the requests of others must not wait.

#include "measure.hpp"

#include <array>
#include <functional>
#include <optional>

using namespace neighbours;

namespace {

unsigned entries = 1'000'000;
constexpr unsigned batch_size = 1000;
constexpr unsigned attempts = 3;

std::string key_of(unsigned number)
{
    return "key-" + std::to_string(number);
}

void fill(moddb::Database &database, unsigned count, bool ephemeral = false)
{
    moddb::WriteOptions options;
    options.ephemeral = ephemeral;
    moddb::Batch batch = database.batch();
    for (unsigned i = 0; i < count; ++i) {
        batch.set(key_of(i), "a value of some bytes", options);
        if (i % batch_size == batch_size - 1 || i + 1 == count) {
            batch.run();
            batch.clear();
        }
    }
}

void require_gone(moddb::Database &database)
{
    for (unsigned i = 0; i < entries; i += entries / 50)
        test::require(!database.get(key_of(i)), "a deleted entry can still be read");
}

void await_freed()
{
    moddb::Database database;
    test::wait_until([&] { return database.stat().user_keys == 0; }, "the entries are freed",
                     std::chrono::seconds(120));
}

[[noreturn]] void keep_busy()
{
    const sched_param ordinary{};
    test::require(sched_setscheduler(0, SCHED_OTHER, &ordinary) == 0, "ordinary priority");
    std::vector<char> memory(4 << 20);
    for (std::size_t i = 0;; i = (i + 4096 + 64) % memory.size())
        const_cast<volatile char &>(memory[i]) = 1;
}

// Another process that sends requests until the entries are freed.
class Bystander {
  public:
    Bystander()
    {
        worker_.start([this] {
            take_priority();
            moddb::Database database("default", moddb::Transport::netlink);
            const auto request = [&] { database.database("default"); };
            {
                // Busy processors, too, make a request slower; the comparison must include that.
                test::Workers busy;
                for (unsigned i = 0; i < 2; ++i)
                    busy.start([] { keep_busy(); });
                state_->alone = median_microseconds(1000, request);
            }
            state_->ready = true;
            std::vector<double> samples;
            while (!state_->is_over) {
                const double sample = microseconds(request);
                if (state_->counts)
                    samples.push_back(sample);
                test::pause(std::chrono::microseconds(200));
            }
            test::require(!samples.empty(), "the bystander sent a request");
            state_->during = quantile(std::move(samples), 0.5);
        });
        test::wait_until([this] { return state_->ready.load(); }, "the bystander has begun");
    }

    // From now on the requests are measured.
    void begin() { state_->counts = true; }
    // How many times as long the requests took as before begin().
    double end()
    {
        await_freed();
        state_->is_over = true;
        worker_.wait();
        std::printf("a bystander's request: %.1f us, %.1f us before\n", state_->during,
                    state_->alone);
        return state_->during / state_->alone;
    }

  private:
    struct State {
        std::atomic<bool> ready{false}, counts{false}, is_over{false};
        double alone = 0, during = 0;
    };
    test::Shared<State> state_;
    test::Workers worker_;
};

// The time of a call that is not preempted.
double undisturbed(const std::function<void()> &call)
{
    take_priority();
    const double time = microseconds(call);
    const sched_param ordinary{};
    test::require(sched_setscheduler(0, SCHED_OTHER, &ordinary) == 0, "ordinary priority");
    return time;
}

// Compares the cost of a call on a full database and on an empty one, both made by `prepare`.
void compare(const std::string &what, const std::function<void(unsigned)> &prepare,
             const std::function<void()> &call, const std::function<void()> &check)
{
    std::vector<double> empty;
    for (unsigned i = 0; i < 9; ++i) {
        prepare(0);
        empty.push_back(undisturbed(call));
    }
    const double alone = quantile(std::move(empty), 0.5);
    // The machine may be busy with something else; what the module slows down is slow each time.
    double full = 0, during = 0;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        // Before prepare(): descriptors that the bystander inherited would keep a session open.
        Bystander bystander;
        prepare(entries);
        bystander.begin();
        const double time = undisturbed(call);
        check();
        const double ratio = bystander.end();
        full = attempt == 0 ? time : std::min(full, time);
        during = attempt == 0 ? ratio : std::min(during, ratio);
        if (full <= 100 * alone && during <= 3)
            break;
    }
    require_ratio(what, full, alone, 100);
    require_ratio("requests during " + what, during, 1, 3);
}

void named_databases(bool with_window)
{
    moddb::Database root;
    std::optional<moddb::Database> user;
    const std::string with = with_window ? " with a window" : "";
    const auto open = [&](unsigned count) {
        user.emplace("victim");
        fill(*user, count);
        // Enough reads for the library to map a window and to read through it.
        for (unsigned i = 0; with_window && i < 2000; ++i)
            static_cast<void>(user->get(key_of(i)));
    };
    root.create("victim");
    compare(
        "clear" + with, open, [&] { root.clear("victim"); }, [&] { require_gone(*user); });
    root.remove("victim");
    compare(
        "delete" + with,
        [&](unsigned count) {
            root.create("victim");
            open(count);
        },
        [&] { root.remove("victim"); }, [] {});
    compare(
        "replace" + with,
        [&](unsigned count) {
            try {
                root.create("victim");
            } catch (const moddb::Error &) {
                // The successor of the previous round has this name.
            }
            open(count);
            root.create("successor");
        },
        [&] {
            root.replace({{"victim", "successor"}});
        },
        [&] {
            moddb::Database now("victim");
            require_gone(now);
        });
    root.remove("victim");
}

void sessions(moddb::Transport transport)
{
    moddb::Database root("default", moddb::Transport::netlink);
    std::optional<moddb::Database> owner;
    const std::string over = transport == moddb::Transport::netlink ? " over netlink" : "";
    compare(
        "the end of a session" + over,
        [&](unsigned count) {
            owner.emplace("default", transport);
            // Fills the library's own buffers, whose freeing is part of the measured time.
            fill(*owner, std::max(count, batch_size), true);
            for (unsigned i = 0; count == 0 && i < batch_size; ++i)
                owner->del(key_of(i), moddb::WriteOptions{});
        },
        [&] { owner.reset(); }, [&] { require_gone(root); });
    compare(
        "the end of a session with a database" + over,
        [&](unsigned count) {
            owner.emplace("default", transport);
            moddb::DatabaseOptions options;
            options.ephemeral = true;
            owner->create("passing", options);
            moddb::Database content("passing");
            fill(content, count);
        },
        [&] { owner.reset(); }, [] {});
}

// The 90th percentile of the time of a refused write during the deletion of another user's
// database, and the median without one.
std::array<double, 2> refused_during_deletion()
{
    const Parameter most_keys("max_user_keys", 100);
    moddb::Database root;
    root.create("victim");
    std::optional<moddb::Database> content("victim");
    fill(*content, entries);
    test::Workers workers;
    const test::Shared<std::atomic<bool>> is_refused, is_over;
    const test::Shared<std::array<double, 2>> times;
    workers.start([&] {
        become(attacker);
        moddb::Database database;
        unsigned number = 0;
        for (; number < 100; ++number)
            database.set(key_of(number), "v");
        const auto refuse = [&] {
            try {
                database.set(key_of(number), "v");
            } catch (const moddb::Error &error) {
                test::require(error.code().value() == EDQUOT, "the write fails at the limit");
                return;
            }
            test::fail("a write past the limit succeeded");
        };
        const double alone = median_microseconds(1000, refuse);
        *is_refused = true;
        std::vector<double> samples;
        while (!*is_over)
            samples.push_back(microseconds(refuse));
        *times = {quantile(std::move(samples), 0.9), alone};
        while (number--)
            database.del(key_of(number), moddb::WriteOptions{});
    });
    test::wait_until([&] { return is_refused->load(); }, "the limit is reached");
    content.reset();
    root.remove("victim");
    await_freed();
    *is_over = true;
    workers.wait();
    return *times;
}

// A write past a limit fails at once; it does not wait for the memory of another user's deletion.
void refusals()
{
    std::array<double, 2> times{};
    require_ratio_of_best(
        "refused writes (90th percentile) during another user's deletion", [&] { return times[0]; },
        [&] {
            times = refused_during_deletion();
            return times[1];
        },
        20);
}

// A network namespace that ends with its last process.
void namespaces()
{
    test::Workers inside;
    const test::Shared<std::atomic<bool>> is_ready, may_end;
    const auto begin = [&](unsigned count) {
        *is_ready = *may_end = false;
        inside.start([&is_ready, &may_end, count] {
            test::require(unshare(CLONE_NEWNET) == 0, "unshare");
            moddb::Database database;
            fill(database, count);
            *is_ready = true;
            test::wait_until([&] { return may_end->load(); }, "the namespace may end",
                             std::chrono::seconds(60));
        });
        test::wait_until([&] { return is_ready->load(); }, "a full namespace",
                         std::chrono::seconds(120));
    };
    const auto end = [&] {
        *may_end = true;
        inside.wait();
    };
    compare("the end of a namespace", begin, end, [] {});
}

} // namespace

int main()
{
    return test::run_test("emptying", [] {
        entries /= watched_kernel() * watched_kernel();
        named_databases(false);
        named_databases(true);
        refusals();
        sessions(moddb::Transport::netlink);
        sessions(moddb::Transport::device);
        namespaces();
    });
}
