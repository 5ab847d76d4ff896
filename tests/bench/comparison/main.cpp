// SPDX-License-Identifier: MIT
//
// Compares moddb with other stores on the machine where it runs, and prints JSON. The output
// contains what could not be measured, with the reason.

#include "../clock.hpp"
#include "contention.hpp"
#include "measure.hpp"

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include <sys/utsname.h>

#include <algorithm>
#include <cstdio>
#include <ctime>

namespace {

using json = nlohmann::ordered_json; // stores and operations stay in their order
using namespace comparison;

constexpr const char *description =
    R"(Compares moddb with a BPF hash map, LMDB, Redis, memcached and keyrings, each with its best
settings, and prints JSON. Starts the servers that are installed, and reports stores that are not
available as not measured. A cost is the time of an operation in nanoseconds or, in a guest of
tools/vm --icount, its instructions.)";

template <typename Named>
std::vector<Named> selected(std::span<const Named> all, const std::vector<std::string> &names,
                            const char *what)
{
    std::vector<Named> result;
    for (const Named &one : all)
        if (names.empty() || std::find(names.begin(), names.end(), one.name) != names.end())
            result.push_back(one);
    for (const std::string &name : names)
        if (std::none_of(all.begin(), all.end(),
                         [&](const Named &one) { return one.name == name; }))
            throw CLI::ValidationError(std::string("there is no ") + what + " '" + name + "'");
    return result;
}

struct Size {
    std::size_t keys;
    std::size_t value;
};

Size parse(const std::string &word)
{
    Size size{};
    char rest;
    if (std::sscanf(word.c_str(), "%zux%zu%c", &size.keys, &size.value, &rest) != 2 ||
        size.keys < 1 || size.keys > 10000000 || size.value < 16 || size.value > 30000)
        throw CLI::ValidationError("'" + word +
                                   "' is not KEYSxVALUE, 1 to 10000000 keys of 16 to 30000 bytes");
    return size;
}

std::string date()
{
    const std::time_t now = std::time(nullptr);
    char text[16];
    std::strftime(text, sizeof(text), "%F", std::gmtime(&now));
    return text;
}

void add(json &report, const std::vector<Figure> &figures)
{
    for (const Figure &figure : figures) {
        json one{{"store", figure.store}, {"figure", figure.figure}};
        if (figure.number)
            one["number"] = *figure.number;
        else
            one["why"] = figure.why;
        report[figure.number ? "figures" : "not measured"].push_back(std::move(one));
    }
}

void add(json &report, const Result &result)
{
    json one{{"store", result.store},
             {"operation", result.operation},
             {"keys", result.keys},
             {"value", result.value_size}};
    if (result.cost)
        one["cost"] = *result.cost;
    else
        one["why"] = result.why;
    report[result.cost ? "costs" : "not measured"].push_back(std::move(one));
}

int run(int argc, char **argv)
{
    CLI::App app(description);
    std::vector<std::string> stores, names, sizes{"1000x64"};
    Selection selection{};
    app.add_option("SIZE", sizes, "number of keys and length of values in bytes, such as 1000x64")
        ->capture_default_str();
    app.add_option("--stores", stores, "measure only these stores")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--operations", names, "measure only these operations")
        ->delimiter(',')
        ->allow_extra_args(false);
    app.add_option("--rounds", selection.pace.rounds,
                   "number of rounds, of which the median counts")
        ->default_val(0);
    app.add_flag("--memory", selection.memory,
                 "also measure the memory of an entry; the machine must be idle");
    std::vector<unsigned> processes;
    app.add_option(
           "--processes", processes,
           "measure instead, relative to an empty loop or getppid: the throughput of so many "
           "processes relative to one, the slowest operations, a reader during writes, and the "
           "making of a window")
        ->delimiter(',')
        ->allow_extra_args(false)
        ->check(CLI::Range(1, 16));
    bool list = false;
    app.add_flag("--list", list, "only list the stores and operations");
    CLI11_PARSE(app, argc, argv);
    if (list) {
        for (const Candidate &candidate : candidates())
            std::printf("%-10s %s\n", candidate.name, candidate.what);
        for (const Operation &operation : operations())
            std::printf("%-10s %s\n", operation.name, operation.what);
        return 0;
    }

    const bool counts = bench::clock_counts();
    selection.candidates = selected(candidates(), stores, "store");
    selection.operations = selected(operations(), names, "operation");
    if (names.empty())
        std::erase_if(selection.operations, [](const Operation &one) { return one.is_extra; });
    selection.together = !counts && !selection.memory;
    selection.pace.times = counts ? 1000 : 0;
    selection.pace.least_time = 20000000;
    if (selection.pace.rounds == 0)
        selection.pace.rounds = counts ? 3 : 11;

    utsname system;
    uname(&system);
    json report{{"kernel", system.release},
                {"date", date()},
                {"unit", counts ? "instructions" : "nanoseconds"},
                {"stores", json::object()},
                {"operations", json::object()},
                {"costs", json::array()},
                {"figures", json::array()},
                {"not measured", json::array()}};
    for (const Candidate &candidate : selection.candidates)
        report["stores"][candidate.name] = candidate.what;
    for (const Operation &operation : selection.operations)
        report["operations"][operation.name] = operation.what;
    for (int i = 0; i < argc; ++i)
        report["command"].push_back(argv[i]);
    std::vector<Size> parsed;
    for (const std::string &word : sizes)
        parsed.push_back(parse(word));
    if (!processes.empty()) {
        if (counts)
            throw CLI::ValidationError("a guest that counts instructions has one processor");
        add(report, scaling(selection, processes));
        add(report, latency(selection));
        add(report, disturbance(selection));
        add(report, making(100000));
        parsed.clear();
    }
    for (const Size &size : parsed)
        for (const Result &result : measure(selection, size.keys, size.value))
            add(report, result);
    std::puts(report.dump(1).c_str());
    return 0;
}

} // namespace

int main(int argc, char **argv)
{
    try {
        return run(argc, argv);
    } catch (const CLI::Error &error) {
        std::fprintf(stderr, "bench-comparison: %s\n", error.what());
        return 2;
    } catch (const std::exception &error) {
        std::fprintf(stderr, "bench-comparison: %s\n", error.what());
        return 1;
    }
}
