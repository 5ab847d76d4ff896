// SPDX-License-Identifier: MIT
//
// The command moddb.

#include "descriptor.hpp"
#include "run.hpp"

int main(int count, char **words)
{
    cli::fill_standard();
    return static_cast<int>(cli::run_and_report({words + (count > 0 ? 1 : 0), words + count}));
}
