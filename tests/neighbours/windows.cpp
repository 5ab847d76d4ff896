// SPDX-License-Identifier: MIT
//
// Readers of a large database ask for its window with the lowest scheduling priority, on a
// processor that they keep busy. The kernel builds the window for them, but not in their context:
// the owner, who changes or clears the database, and other readers must not wait until they have
// run.

#include "measure.hpp"

#include <thread>

using namespace neighbours;

namespace {

unsigned entries = 400'000;

void use_processor(unsigned number)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(number, &set);
    test::require(sched_setaffinity(0, sizeof(set), &set) == 0, "one processor");
}

void fill(moddb::Database &database)
{
    moddb::Batch batch = database.batch();
    for (unsigned i = 0; i < entries; ++i) {
        batch.set("key-" + std::to_string(i), "a value");
        if (i % 1000 == 999) {
            batch.run();
            batch.clear();
        }
    }
}

struct Progress {
    std::atomic<bool> is_ready{false}, may_begin{false}, is_done{false}, is_over{false};
};

// Asks for the window as soon as it may.
void want_window(Progress &progress)
{
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    use_processor(1);
    const int fd = bound("victim", O_RDONLY);
    const sched_param none{};
    test::require(sched_setscheduler(0, SCHED_IDLE, &none) == 0, "the least priority");
    progress.is_ready = true;
    while (!progress.may_begin)
        test::pause(std::chrono::milliseconds(1));
    moddb_device_window window{};
    window.layout = MODDB_WINDOW_LAYOUT;
    test::require(ioctl(fd, MODDB_IOC_WINDOW, &window) == 0, "asking for a window");
    progress.is_done = true;
}

void keep_busy(const Progress &progress)
{
    become(attacker);
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    use_processor(1);
    while (!progress.is_over)
        ;
}

// Retires the window, and then measures a change of the mode, either alone or just after a reader
// has asked for a new window.
double change(moddb::Database &root, bool with_reader)
{
    const test::Shared<Progress> progress;
    moddb::DatabaseOptions options;
    options.mode = 0600;
    root.alter("victim", options);
    options.mode = 0644;
    root.alter("victim", options);
    test::Workers workers;
    if (with_reader) {
        workers.start([&] { want_window(*progress); });
        test::wait_until([&] { return progress->is_ready.load(); }, "a reader");
        for (unsigned i = 0; i < 3; ++i)
            workers.start([&] { keep_busy(*progress); });
        progress->may_begin = true;
        // The reader begins sooner or later; which locks it then holds is not known here.
        test::pause(std::chrono::milliseconds(100));
    }
    options.mode = 0664;
    const double time = microseconds([&] { root.alter("victim", options); });
    progress->is_over = true;
    workers.wait();
    return time;
}

} // namespace

int main()
{
    return test::run_test("neighbours-windows", [] {
        entries /= watched_kernel();
        moddb::Database root("default", moddb::Transport::netlink);
        root.create("victim");
        {
            moddb::Database database("victim");
            fill(database);
        }
        use_processor(0);
        std::vector<double> alone, with_reader;
        for (unsigned i = 0; i < 7; ++i) {
            alone.push_back(change(root, false));
            with_reader.push_back(change(root, true));
        }
        // On a busy machine even a worker of the kernel runs late, but not each time.
        require_ratio("a change of a database whose window is wanted", quantile(with_reader, 0.25),
                      quantile(alone, 0.5), 100);
        root.remove("victim");
    });
}
