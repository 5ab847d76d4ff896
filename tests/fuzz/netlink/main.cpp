// SPDX-License-Identifier: MIT
//
// Sends the module messages that were made from the family's description and then damaged, and
// keeps those that reach code which no earlier one has reached. Runs in a guest whose kernel counts
// that code (KCOV). It judges nothing: a kernel that watches itself panics, with the last programs
// in its log. It must never send a program that it has not told before.
//
// A program is a line: calls, with a blank between. A call is "SOCKET.FLAGS.BYTES", the bytes of a
// message behind its first header, in hexadecimal, where (61*300) is 300 times 61; or "SOCKET.x",
// which closes the socket.

#include "program.hpp"

#include "../../support/netlink.hpp"
#include "../../support/process.hpp"

#include <fcntl.h>
#include <linux/kcov.h>
#include <moddb/netlink.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>

#include <array>
#include <atomic>
#include <bitset>
#include <fstream>

namespace {

using fuzz::Call;
using fuzz::Program;

constexpr std::size_t sockets = 3;
constexpr uid_t nobody = 65534;

// ---------------------------------------------------------------- coverage

// Which code of the module a thread has run. Only the module is compiled to tell.
class Coverage {
  public:
    Coverage() : fd_(open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC))
    {
        test::require(fd_ >= 0, "/sys/kernel/debug/kcov: this kernel counts no code");
        test::require(ioctl(fd_, KCOV_INIT_TRACE, places) == 0, "KCOV_INIT_TRACE");
        void *memory = mmap(nullptr, places * sizeof(unsigned long), PROT_READ | PROT_WRITE,
                            MAP_SHARED, fd_, 0);
        test::require(memory != MAP_FAILED, "mmap of kcov");
        trace_ = static_cast<unsigned long *>(memory);
    }
    ~Coverage()
    {
        munmap(trace_, places * sizeof(unsigned long));
        close(fd_);
    }
    Coverage(const Coverage &) = delete;
    Coverage &operator=(const Coverage &) = delete;

    void begin()
    {
        test::require(ioctl(fd_, KCOV_ENABLE, KCOV_TRACE_PC) == 0, "KCOV_ENABLE");
        __atomic_store_n(&trace_[0], 0, __ATOMIC_RELAXED);
    }
    // How many steps from one place to another were new.
    unsigned end()
    {
        const unsigned long count = __atomic_load_n(&trace_[0], __ATOMIC_RELAXED);
        test::require(ioctl(fd_, KCOV_DISABLE, 0) == 0, "KCOV_DISABLE");
        unsigned long before = 0;
        unsigned fresh = 0;
        for (unsigned long i = 1; i <= count && i < places; ++i) {
            const std::size_t step = (trace_[i] * 0x9e3779b97f4a7c15u ^ before) % seen_.size();
            before = trace_[i] * 0x9e3779b97f4a7c15u >> 1;
            fresh += !seen_[step];
            seen_[step] = true;
        }
        return fresh;
    }
    std::size_t count() const { return seen_.count(); }

  private:
    static constexpr unsigned long places = 256 * 1024;

    int fd_;
    unsigned long *trace_;
    std::bitset<1 << 18> seen_;
};

// --------------------------------------------------------------- execution

class Executor {
  public:
    explicit Executor(bool tells) : tells_(tells)
    {
        family_ = test::Socket().family(MODDB_FAMILY_NAME);
        test::require(family_ != 0, "the family is there");
        if (tells_) {
            log_ = open("/dev/kmsg", O_WRONLY | O_CLOEXEC);
            test::require(log_ >= 0, "/dev/kmsg");
        }
    }

    void run(const Program &program)
    {
        if (tells_)
            tell(fuzz::to_text(program));
        for (const Call &call : program) {
            std::unique_ptr<test::Socket> &socket = sockets_[call.socket % sockets];
            if (call.closes) {
                socket.reset();
                continue;
            }
            if (!socket) {
                socket = std::make_unique<test::Socket>();
                fcntl(socket->fd(), F_SETFL, O_NONBLOCK);
            }
            test::Message message(family_, call.flags);
            static_cast<void>(socket->send(message.raw(call.bytes).bytes(1)));
            // A listing goes on only when it is read.
            drain(*socket);
        }
        for (std::unique_ptr<test::Socket> &socket : sockets_)
            if (socket)
                drain(*socket);
    }

    // Sessions with all that they own.
    void close_all()
    {
        for (std::unique_ptr<test::Socket> &socket : sockets_)
            socket.reset();
    }

  private:
    void drain(test::Socket &socket)
    {
        for (unsigned i = 0; i < 100; ++i)
            if (recv(socket.fd(), buffer_.data(), buffer_.size(), 0) <= 0 && errno == EAGAIN)
                return;
    }

    // The kernel's log is all that is left of a kernel that has panicked.
    void tell(const std::string &text) const
    {
        constexpr std::size_t line = 800;
        for (std::size_t at = 0; at < text.size(); at += line) {
            const std::string part =
                (at ? "<7>moddb fuzz+ " : "<7>moddb fuzz: ") + text.substr(at, line) + '\n';
            static_cast<void>(write(log_, part.data(), part.size()));
        }
    }

    bool tells_;
    int log_ = -1;
    std::uint16_t family_;
    std::array<std::unique_ptr<test::Socket>, sockets> sockets_;
    std::string buffer_ = std::string(64 * 1024, '\0');
};

// ------------------------------------------------------------------- main

struct Options {
    unsigned seconds = 0;
    std::uint32_t seed = 1;
    std::string out;
    std::vector<std::string> files;
};

std::vector<Program> read_files(const std::vector<std::string> &files)
{
    std::vector<Program> programs;
    for (const std::string &file : files) {
        std::ifstream in(file);
        test::require(in.good(), file);
        for (std::string line; std::getline(in, line);)
            if (!line.empty() && line.front() != '#')
                programs.push_back(fuzz::from_text(line));
    }
    return programs;
}

// The store must not grow for ever, nor an administrator's program spoil it for the others.
void tidy()
{
    moddb::Database database;
    for (const moddb_database_info &info : database.databases())
        if (std::string_view(info.name) != "default")
            database.remove(info.name);
    moddb::DatabaseOptions options;
    options.mode = 0666;
    options.owner = options.group = 0;
    options.max_bytes = 0;
    options.max_keys = 0;
    options.evict = options.shared = false;
    database.alter("default", options);
    if (!database.database("default").sealed)
        database.clear("default");
}

struct Result {
    std::atomic<std::uint64_t> programs{0};
    std::atomic<std::size_t> kept{0}, places{0};
};

void fuzz_as(uid_t user, const Options &options, const std::vector<Program> &corpus, Result &result)
{
    const bool lasts = options.seconds > 0;
    const auto coverage = std::make_unique<Coverage>();
    Executor executor(lasts);
    if (user)
        test::require(setgid(user) == 0 && setuid(user) == 0, "setuid");
    fuzz::Maker maker(options.seed + user);
    std::vector<Program> kept;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);

    const auto run = [&](const Program &program) {
        coverage->begin();
        executor.run(program);
        if (coverage->end())
            kept.push_back(program);
        if (++result.programs % 256 == 0) {
            executor.close_all();
            if (!user)
                tidy();
        }
    };
    for (const Program &program : corpus)
        run(program);
    while (std::chrono::steady_clock::now() < end)
        run(maker.make(kept));
    executor.close_all();
    result.kept = kept.size();
    result.places = coverage->count();
    if (!options.out.empty()) {
        std::ofstream out(options.out + (user ? ".user" : ".root"));
        for (const Program &program : kept)
            out << fuzz::to_text(program) << '\n';
    }
}

void test_fuzz(const Options &options)
{
    const std::vector<Program> corpus = read_files(options.files);
    test::Shared<std::array<Result, 2>> results;
    test::Workers workers;
    workers.start([&] { fuzz_as(0, options, corpus, (*results)[0]); });
    workers.start([&] { fuzz_as(nobody, options, corpus, (*results)[1]); });
    workers.wait();
    for (unsigned i = 0; i < 2; ++i) {
        const Result &result = (*results)[i];
        std::printf("%s: %llu programs, %zu that found something new, %zu steps in the module\n",
                    i ? "an ordinary user" : "root",
                    static_cast<unsigned long long>(result.programs), result.kept.load(),
                    result.places.load());
        test::require(result.places > 500, "programs reach the module");
    }
    tidy();
}

} // namespace

int main(int argc, char **argv)
{
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string word = argv[i];
        const bool has_value = i + 1 < argc;
        if (word == "--seconds" && has_value)
            options.seconds = static_cast<unsigned>(std::stoul(argv[++i]));
        else if (word == "--seed" && has_value)
            options.seed = static_cast<std::uint32_t>(std::stoul(argv[++i]));
        else if (word == "--out" && has_value)
            options.out = argv[++i];
        else if (word.starts_with("--")) {
            std::fprintf(stderr, "usage: fuzz-netlink [--seconds N] [--seed N] [--out FILE] "
                                 "FILE...\nRuns the programs in the files, and then others.\n");
            return 2;
        } else
            options.files.push_back(word);
    }
    return test::run_test("fuzz-netlink", [&] { test_fuzz(options); });
}
