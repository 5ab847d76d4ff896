// SPDX-License-Identifier: MIT
//
// Maps windows, follows successors, and reads the clock. A read needs none of it while a window is
// mapped and no entry expires.
#include "window_reader.h"

#include <moddb/device.h>

#include <sys/ioctl.h>
#include <sys/mman.h>

#include <ctime>

namespace moddb_internal {

// Maps a window where there is none and it is time to; says whether this read may use it.
bool WindowReader::look_up() noexcept
{
    if (!mapping_) {
        budget_ = 1;
        return --patience_ == 0 && follow();
    }
    budget_ = reads_between;
    // A database that evicts must see reads, or it would evict entries that are in use.
    return !(flags() & MODDB_WINDOW_EVICTS);
}

// Maps the window of now, or is patient again.
bool WindowReader::follow() noexcept
{
    const bool mapped = map();
    budget_ = mapped ? reads_between : 1;
    patience_ = reads_without;
    return mapped;
}

uint32_t WindowReader::flags() const noexcept
{
    return MODDB_WINDOW_LOAD(static_cast<const moddb_window_header *>(mapping_)->flags);
}

bool WindowReader::passed(uint64_t expires) const noexcept
{
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    const int64_t time = now.tv_sec * int64_t{1000000000} + now.tv_nsec - boot_offset_;
    return time >= 0 && static_cast<uint64_t>(time) >= expires;
}

// The entry was there with its time. If that is over and nobody has written, it is gone; if
// somebody has, who knows when.
moddb_window_answer WindowReader::judge(const moddb_window_found &found) const noexcept
{
    if (!passed(found.expires))
        return MODDB_WINDOW_HIT;
    return moddb_window_unchanged(found.set, found.sequence) ? MODDB_WINDOW_MISS : MODDB_WINDOW_ASK;
}

// The window could not tell. If that is because it is retired, the next read has its successor.
moddb_window_answer WindowReader::asked() noexcept
{
    if (flags() & MODDB_WINDOW_RETIRED) {
        unmap();
        follow();
    }
    return MODDB_WINDOW_ASK;
}

bool WindowReader::map() noexcept
{
    // Between the question and the mapping the window may be followed by another.
    for (int tries = 0; tries < 4; tries++) {
        moddb_device_window window{};
        window.layout = MODDB_WINDOW_LAYOUT;
        window.incompatible = MODDB_WINDOW_INCOMPATIBLE;
        if (ioctl(fd_, MODDB_IOC_WINDOW, &window) < 0)
            return false;
        if (window.size > SIZE_MAX)
            return false;
        void *mapping = mmap(nullptr, static_cast<size_t>(window.size), PROT_READ, MAP_SHARED, fd_,
                             static_cast<off_t>(window.offset));
        if (mapping == MAP_FAILED)
            continue;
        // A child has no use for it: it opens its own handles.
        madvise(mapping, static_cast<size_t>(window.size), MADV_DONTFORK);
        if (!moddb_window_view_init(&view_, mapping, window.size)) {
            munmap(mapping, static_cast<size_t>(window.size));
            continue;
        }
        mapping_ = mapping;
        size_ = static_cast<size_t>(window.size);
        boot_offset_ = window.boot_offset;
        return true;
    }
    return false;
}

void WindowReader::unmap() noexcept
{
    if (!mapping_)
        return;
    // In a copy of the process the mapping is gone, and something else may be in its place.
    if (is_own(process_))
        munmap(mapping_, size_);
    mapping_ = nullptr;
    number_++;
}

} // namespace moddb_internal
