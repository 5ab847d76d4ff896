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

// Maps a window if there is none and it is time to; returns whether this read may use it.
bool WindowReader::look_up() noexcept
{
    if (!mapping_) {
        budget_ = 1;
        return --patience_ == 0 && follow();
    }
    budget_ = reads_between;
    // The kernel must see some reads of a database that evicts, or it would evict entries in use.
    return !(flags() & MODDB_WINDOW_EVICTS);
}

// Maps the current window, or waits for more reads.
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

// The window had an entry that may have expired. If it has, and the bucket is unchanged, the key is
// missing; if the bucket has changed, the order of both is unknown.
moddb_window_answer WindowReader::check_expiry(const moddb_window_found &found) const noexcept
{
    if (!passed(found.expires))
        return MODDB_WINDOW_HIT;
    return moddb_window_unchanged(found.bucket, found.sequence) ? MODDB_WINDOW_MISS
                                                                : MODDB_WINDOW_ASK;
}

// The window was inconclusive. If it is retired, the next read maps its successor.
moddb_window_answer WindowReader::inconclusive() noexcept
{
    if (flags() & MODDB_WINDOW_RETIRED) {
        unmap();
        follow();
    }
    return MODDB_WINDOW_ASK;
}

bool WindowReader::map() noexcept
{
    // The window may be replaced between the request and the mapping.
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
        // A child opens its own handles, so it does not need the mapping.
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
    // In a copy of the process there is no mapping, and its address may have another use.
    if (is_own(process_))
        munmap(mapping_, size_);
    mapping_ = nullptr;
    number_++;
}

} // namespace moddb_internal
