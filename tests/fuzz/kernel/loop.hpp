// SPDX-License-Identifier: MIT
//
// The loop that the kernel's fuzzers share. It runs the programs in files and then generated ones,
// as root and as an ordinary user at the same time, and keeps those that reach new code of the
// module. A fault is found by a debug kernel, which panics. Every program must be logged before it
// runs, so that the last programs are in the kernel's log then.
//
// The target of a fuzzer is a class with these members:
//   name, tasks             the name of the test; the number of tasks for each user
//   Calls                   see program.hpp
//   Executor                constructed as root with (Coverage &, uid_t), before the user changes;
//                           run(program), close_all()
//   prepare()               puts the store into the state that programs expect; called regularly
#pragma once

#include "coverage.hpp"
#include "program.hpp"

#include "../../support/process.hpp"

#include <array>
#include <atomic>
#include <fstream>

namespace fuzz {

constexpr uid_t nobody = 65534;

struct Options {
    unsigned seconds = 0;
    std::uint32_t seed = 1;
    std::string out;
    std::vector<std::string> files;
};

struct Result {
    std::atomic<std::uint64_t> programs{0};
    std::atomic<std::size_t> kept{0}, edges{0};
};

// Deletes what programs left, and restores the settings of "default".
inline void tidy()
{
    moddb::Database database;
    for (const moddb_database_info &info : database.databases())
        try {
            if (std::string_view(info.name) != "default")
                database.remove(info.name);
        } catch (const moddb::Error &) {
            // A program deleted it at the same time.
        }
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

// Writes programs to the kernel's log, which survives a panic; last-programs reads it.
class Log {
  public:
    explicit Log(uid_t user)
        : prefix_(user ? "<7>moddb fuzz user" : "<7>moddb fuzz root"),
          fd_(open("/dev/kmsg", O_WRONLY | O_CLOEXEC))
    {
        test::require(fd_ >= 0, "/dev/kmsg");
    }
    ~Log() { close(fd_); }
    Log(const Log &) = delete;
    Log &operator=(const Log &) = delete;

    void add(std::string text) const
    {
        // Marks the end: the whole program was logged, and may have begun.
        text += " ;";
        constexpr std::size_t line = 800;
        for (std::size_t at = 0; at < text.size(); at += line) {
            const std::string part = prefix_ + (at ? "+ " : ": ") + text.substr(at, line) + '\n';
            static_cast<void>(write(fd_, part.data(), part.size()));
        }
    }

  private:
    std::string prefix_;
    int fd_;
};

template <typename Calls>
std::vector<Program<Calls>> read_files(const std::vector<std::string> &files)
{
    std::vector<Program<Calls>> programs;
    for (const std::string &file : files) {
        std::ifstream in(file);
        test::require(in.good(), file);
        for (std::string line; std::getline(in, line);)
            if (!line.empty() && line.front() != '#')
                programs.push_back(from_text<Calls>(line));
    }
    return programs;
}

template <typename Target>
void fuzz_as(uid_t user, const Options &options,
             const std::vector<Program<typename Target::Calls>> &corpus, Result &result)
{
    using Calls = typename Target::Calls;
    const Log log(user);
    const auto coverage = std::make_unique<Coverage>(Target::tasks);
    typename Target::Executor executor(*coverage, user);
    if (user)
        test::require(setgid(user) == 0 && setuid(user) == 0, "setuid");
    Maker<Calls> maker(options.seed + user);
    std::vector<Program<Calls>> kept;
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);

    const auto run = [&](const Program<Calls> &program) {
        log.add(to_text<Calls>(program));
        coverage->begin();
        executor.run(program);
        if (coverage->end())
            kept.push_back(program);
        if (++result.programs % 256 == 0) {
            executor.close_all();
            if (!user)
                Target::prepare();
        }
    };
    for (const Program<Calls> &program : corpus)
        run(program);
    while (std::chrono::steady_clock::now() < end)
        run(maker.make(kept));
    executor.close_all();
    result.kept = kept.size();
    result.edges = coverage->count();
    if (!options.out.empty()) {
        std::ofstream out(options.out + (user ? ".user" : ".root"));
        for (const Program<Calls> &program : kept)
            out << to_text<Calls>(program) << '\n';
    }
}

template <typename Target>
void fuzz_as_both(const Options &options)
{
    const auto corpus = read_files<typename Target::Calls>(options.files);
    test::Shared<std::array<Result, 2>> results;
    test::Workers workers;
    Target::prepare();
    workers.start([&] { fuzz_as<Target>(0, options, corpus, (*results)[0]); });
    workers.start([&] { fuzz_as<Target>(nobody, options, corpus, (*results)[1]); });
    workers.wait();
    for (unsigned i = 0; i < 2; ++i) {
        const Result &result = (*results)[i];
        std::printf("%s: %llu programs, %zu of them reached new code, %zu edges in the module\n",
                    i ? "an ordinary user" : "root",
                    static_cast<unsigned long long>(result.programs), result.kept.load(),
                    result.edges.load());
        test::require(!options.seconds || result.edges > 500, "programs reach the module");
    }
    tidy();
}

template <typename Target>
int fuzz_main(int argc, char **argv)
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
            std::fprintf(stderr,
                         "usage: %s [--seconds N] [--seed N] [--out FILE] FILE...\n"
                         "Runs the programs in the files, and then generated ones.\n",
                         Target::name);
            return 2;
        } else
            options.files.push_back(word);
    }
    return test::run_test(Target::name, [&] { fuzz_as_both<Target>(options); });
}

} // namespace fuzz
