// SPDX-License-Identifier: MIT
//
// Stands in for moddb while a test drives a real shell: it completes as the command does, with
// names that a hostile user chose, and otherwise writes its arguments to a file.

#include "complete.hpp"
#include "exit_status.hpp"
#include "terminal/output.hpp"

#include <cstdlib>
#include <fstream>

namespace {

const std::vector<std::string> keys{"a1$(touch pwned)",
                                    "b1`touch pwned`",
                                    "c1;touch pwned",
                                    "d1 x\"y'z",
                                    "e1:f:g",
                                    "f1\n$(touch pwned)",
                                    "g1\033[31m",
                                    "h1$HOME",
                                    "i1*?[a]",
                                    "j1~",
                                    "k1&touch pwned|<>",
                                    "l1!x",
                                    "m1\\n",
                                    "ö1#",
                                    "-n1",
                                    "o1\tx",
                                    "p1\xff",
                                    "q1=r",
                                    "s1{a,b}"};
const std::vector<std::string> databases{"A1$(touch>pwned)", "B1`touch>pwned`", "C1:x",
                                         "D1'\"x",           "E1;id>pwned&",    "-F1"};

} // namespace

int main(int count, char **words)
{
    const std::vector<std::string> arguments(words + 1, words + count);
    const std::string file = std::getenv("MODDB_STUB_OUTPUT");
    if (count > 1 && arguments[0] == "__complete") {
        try {
            cli::print_completion({arguments.begin() + 1, arguments.end()},
                                  {[](const cli::Globals &, std::string_view) { return keys; },
                                   [](const cli::Globals &) { return databases; }});
            cli::flush_output();
            std::ofstream(file + ".asked");
        } catch (const cli::Failure &) {
            return 1;
        }
        return 0;
    }
    std::ofstream output(file + ".new", std::ios::binary);
    for (const std::string &word : arguments)
        output << word << '\0';
    output.close();
    std::rename((file + ".new").c_str(), file.c_str());
}
