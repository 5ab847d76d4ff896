// SPDX-License-Identifier: MIT
//
// The program moddb-replica.

#include "command.hpp"
#include "descriptor.hpp"
#include "log.hpp"
#include "terminal/output.hpp"

#include <new>

namespace {

cli::ExitStatus run(const std::vector<std::string> &arguments)
{
    try {
        const cli::ExitStatus status = replica::run_command(arguments);
        cli::flush_output();
        return status;
    } catch (const cli::Failure &failure) {
        replica::log(failure.what());
        return failure.status();
    } catch (const std::bad_alloc &) {
        replica::log("out of memory");
        return cli::ExitStatus::limit;
    } catch (const std::exception &error) {
        replica::log(error.what());
        return cli::ExitStatus::other;
    }
}

} // namespace

int main(int count, char **words)
{
    cli::fill_standard();
    return static_cast<int>(run({words + (count > 0 ? 1 : 0), words + count}));
}
