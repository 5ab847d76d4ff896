// SPDX-License-Identifier: MIT
//
// Runs a fuzzer without libFuzzer: on the files of its arguments, on its seeds, and on mutations of
// the seeds, which are the same for the same --seed. After a crash the input is written to a file.
//
// usage: NAME-fuzz-test [--seconds N] [--rounds N] [--seed N] [--write-seeds DIRECTORY] [FILE...]
#include "fuzzer.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstring>
#include <fcntl.h>
#include <fstream>
#include <random>
#include <sstream>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using Random = std::mt19937_64;

// The current input, shared with the parent, which survives a crash.
struct Current {
    std::size_t size;
    char bytes[4 << 20];
};
Current *current;

void run(const std::string &input)
{
    current->size = std::min(input.size(), sizeof current->bytes);
    std::memcpy(current->bytes, input.data(), current->size);
    // On the heap with exactly this length, so that the sanitizer finds a read beyond it.
    const std::vector<std::uint8_t> own(input.begin(),
                                        input.begin() + static_cast<long>(current->size));
    LLVMFuzzerTestOneInput(own.data(), own.size());
}

std::size_t below(Random &random, std::size_t limit)
{
    return limit ? random() % limit : 0;
}

void mutate(std::string &input, const std::vector<std::string> &seeds,
            const std::vector<std::string> &words, Random &random)
{
    static constexpr std::array<std::uint64_t, 12> edges = {
        0,      1,      0x7f,       0x80,       0xff,       0x7fff,
        0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff, 0xffffffffffffffff};
    const std::size_t at = below(random, input.size() + 1);
    const std::size_t length = below(random, std::min<std::size_t>(input.size() - at, 64) + 1);
    switch (random() % 8) {
    case 0:
        if (!input.empty())
            input[below(random, input.size())] ^= static_cast<char>(1 << random() % 8);
        break;
    case 1:
        input.erase(at, length);
        break;
    case 2:
        input.insert(at, input.substr(at, length));
        break;
    case 3: {
        const std::uint64_t edge = edges[random() % edges.size()];
        const std::size_t width = std::size_t{1} << random() % 4;
        input.replace(at, std::min(width, input.size() - at),
                      std::string(reinterpret_cast<const char *>(&edge), width));
        break;
    }
    case 4:
        if (!words.empty())
            input.insert(at, words[random() % words.size()]);
        break;
    case 5: {
        const std::string &other = seeds[random() % seeds.size()];
        input.replace(at, length, other.substr(below(random, other.size() + 1), random() % 64));
        break;
    }
    case 6:
        input.resize(at);
        break;
    default:
        for (std::size_t i = 0; i < length; ++i)
            input[at + i] = static_cast<char>(random());
    }
}

constexpr std::string_view hex_mark = "# SPDX-License-Identifier: MIT\n";

// An input as hexadecimal text, to be kept in a repository.
std::string to_hex(std::string_view bytes)
{
    std::string text(hex_mark);
    char pair[3];
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::snprintf(pair, sizeof pair, "%02x", static_cast<unsigned char>(bytes[i]));
        text += pair;
        if (i % 48 == 47 || i + 1 == bytes.size())
            text += '\n';
    }
    return text;
}

// Skips comments.
std::string from_hex(std::string_view text)
{
    std::string bytes, digits;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1) + 1;
        if (text[0] != '#')
            for (const char c : text.substr(0, end))
                if (std::isxdigit(static_cast<unsigned char>(c)))
                    digits += c;
        text.remove_prefix(end);
    }
    for (std::size_t i = 0; i + 1 < digits.size(); i += 2)
        bytes += static_cast<char>(std::stoi(digits.substr(i, 2), nullptr, 16));
    return bytes;
}

// Reads a file as libFuzzer writes it, or in hexadecimal as this program does.
std::string read_file(const char *path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream bytes;
    bytes << file.rdbuf();
    if (!file) {
        std::fprintf(stderr, "%s cannot be read\n", path);
        std::exit(2);
    }
    return bytes.str().starts_with(hex_mark) ? from_hex(bytes.str()) : bytes.str();
}

void write_file(const std::string &path, std::string_view bytes)
{
    std::ofstream file(path, std::ios::binary);
    file << bytes;
    if (!file.flush()) {
        std::fprintf(stderr, "%s cannot be written\n", path.c_str());
        std::exit(2);
    }
}

struct Options {
    unsigned long seconds = 0, rounds = 3000, seed = 1;
    const char *seeds_directory = nullptr;
    std::vector<const char *> files;
};

void try_all(const Options &options)
{
    for (const char *file : options.files)
        run(read_file(file));
    const std::vector<std::string> seeds = fuzz::seeds(), words = fuzz::words();
    run("");
    for (const std::string &seed : seeds)
        run(seed);
    Random random(options.seed);
    const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(options.seconds);
    unsigned long rounds = 0;
    for (; options.seconds ? std::chrono::steady_clock::now() < end : rounds < options.rounds;
         ++rounds) {
        std::string input = seeds[random() % seeds.size()];
        for (std::size_t n = 1 + random() % 6; n; --n)
            mutate(input, seeds, words, random);
        run(input);
    }
    std::printf("%zu files, %zu seeds, %lu mutations\n", options.files.size(), seeds.size(),
                rounds);
}

} // namespace

int main(int argc, char **argv)
{
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        const auto number = [&] { return std::strtoul(++i < argc ? argv[i] : "0", nullptr, 10); };
        if (word == "--seconds")
            options.seconds = number();
        else if (word == "--rounds")
            options.rounds = number();
        else if (word == "--seed")
            options.seed = number();
        else if (word == "--write-seeds")
            options.seeds_directory = ++i < argc ? argv[i] : ".";
        else
            options.files.push_back(argv[i]);
    }
    if (options.seeds_directory) {
        int number = 0;
        for (const std::string &seed : fuzz::seeds())
            write_file(std::string(options.seeds_directory) + "/seed-" + std::to_string(number++),
                       seed);
        return 0;
    }
    current = static_cast<Current *>(
        mmap(nullptr, sizeof(Current), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    if (current == MAP_FAILED)
        return 2;
    std::fflush(stdout);
    const pid_t child = fork();
    if (child == 0) {
        // An endless loop is a failure, too.
        alarm(static_cast<unsigned>(options.seconds) + 200);
        try_all(options);
        return 0;
    }
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child)
        return 2;
    if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
        return 0;
    const std::string file = "crash-" + std::to_string(child);
    write_file(file, to_hex({current->bytes, current->size}));
    std::fprintf(stderr, "%s: the input is in %s; add it to tests/fuzz/crashes/\n", argv[0],
                 file.c_str());
    return 1;
}
