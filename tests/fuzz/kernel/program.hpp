// SPDX-License-Identifier: MIT
//
// Programs of a fuzzer of the kernel: their text form, and how they are generated and mutated. The
// target's class Calls does the same for a call. The same seed generates the same programs.
#pragma once

#include "random.hpp"
#include "text.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace fuzz {

template <typename Calls>
using Program = std::vector<typename Calls::Call>;

template <typename Calls>
std::string to_text(const Program<Calls> &program)
{
    std::string text;
    for (const typename Calls::Call &call : program)
        text += (text.empty() ? "" : " ") + Calls::to_text(call);
    return text;
}

// Throws std::runtime_error if the line is not the output of to_text().
template <typename Calls>
Program<Calls> from_text(std::string_view text)
{
    Program<Calls> program;
    while (!text.empty())
        program.push_back(Calls::from_text(take_word(text, ' ')));
    return program;
}

template <typename Calls>
class Maker {
  public:
    explicit Maker(std::uint32_t seed) : random_(seed) {}

    // A new program, or a mutation of one in the corpus.
    Program<Calls> make(const std::vector<Program<Calls>> &corpus)
    {
        Program<Calls> program;
        if (corpus.empty() || random_.one_in(5)) {
            calls_.begin(program, random_);
            for (unsigned n = 1 + random_.below(Calls::most / 2); n; --n)
                program.push_back(calls_.make(random_));
            return program;
        }
        // The programs found last lead to new code most often.
        const std::size_t newest = std::min<std::size_t>(corpus.size(), 32);
        program = random_.below(2) ? corpus[random_.below(corpus.size())]
                                   : corpus[corpus.size() - 1 - random_.below(newest)];
        if (program.empty())
            program.push_back(calls_.make(random_));
        for (unsigned n = 1 + random_.below(4); n; --n)
            change(program, corpus);
        return program;
    }

  private:
    void change(Program<Calls> &program, const std::vector<Program<Calls>> &corpus)
    {
        const auto at = program.begin() + random_.below(program.size());
        switch (random_.below(8)) {
        case 0:
            program.insert(at, calls_.make(random_));
            break;
        case 1:
            if (program.size() > 1)
                program.erase(at);
            break;
        case 2:
            program.push_back(typename Calls::Call(*at));
            break;
        case 3: {
            const Program<Calls> &other = corpus[random_.below(corpus.size())];
            program.insert(program.end(), other.begin(), other.end());
            break;
        }
        default:
            calls_.change(*at, random_);
        }
        if (program.size() > Calls::most)
            program.resize(Calls::most);
    }

    Calls calls_;
    Random random_;
};

} // namespace fuzz
