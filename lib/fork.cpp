// SPDX-License-Identifier: MIT
//
// Detects that the process is a copy of another. No function can be called in the child for that:
// it may have been made without the C library, and locks of other threads may stay locked there.
#include "fork.h"

#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>

namespace moddb_internal {

namespace {

// Without such a page, only copies made by fork() are detected.
unsigned number_without_page;
unsigned *number = &number_without_page;
std::atomic<unsigned> last_number;

[[gnu::constructor]] void make_page()
{
    const auto size = static_cast<size_t>(sysconf(_SC_PAGESIZE));
    void *const page =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page != MAP_FAILED && madvise(page, size, MADV_WIPEONFORK) == 0) {
        number = static_cast<unsigned *>(page);
        process_number = number;
        return;
    }
    if (page != MAP_FAILED)
        munmap(page, size);
    pthread_atfork(nullptr, nullptr, [] { number_without_page = 0; });
}

[[gnu::destructor]] void release_page()
{
    if (number == &number_without_page)
        return;
    unsigned *const page = number;
    // Handles that are still open fail afterwards.
    process_number = number = &number_without_page;
    munmap(page, static_cast<size_t>(sysconf(_SC_PAGESIZE)));
}

} // namespace

const unsigned *process_number = &number_without_page;

unsigned own_process_number() noexcept
{
    // If several threads are first, one of them chooses the number.
    unsigned none = 0;
    std::atomic_ref<unsigned> own(*number);
    if (own.load() == 0)
        own.compare_exchange_strong(none, ++last_number);
    return own.load();
}

} // namespace moddb_internal
