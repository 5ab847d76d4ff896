// SPDX-License-Identifier: MIT
//
// A handle's window: maps it after some reads, maps its successor, and checks the expiry of
// entries. Its answers must be those of the kernel at that moment; if a read of the window is
// inconclusive, the caller asks the kernel.
#pragma once

#include "fork.h"

#include <moddb/window.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

namespace moddb_internal {

class WindowReader {
  public:
    // The session's file, which is bound to a database with the right to read, must outlive this.
    explicit WindowReader(int fd) noexcept : fd_(fd) {}
    ~WindowReader() { unmap(); }
    WindowReader(const WindowReader &) = delete;
    WindowReader &operator=(const WindowReader &) = delete;

    // Like moddb_window_read(), and checks expiry.
    moddb_window_answer read(std::string_view key, char *buffer, size_t size,
                             moddb_window_found &found) noexcept
    {
        if (--budget_ == 0 && !look_up()) [[unlikely]]
            return MODDB_WINDOW_ASK;
        return settle(moddb_window_read(&view_, key.data(), static_cast<uint32_t>(key.size()),
                                        buffer, size, &found),
                      found);
    }

    // Like read(), for the part of the value that begins at an offset.
    moddb_window_answer read_part(std::string_view key, uint32_t from, char *part, size_t size,
                                  moddb_window_found &found) noexcept
    {
        if (--budget_ == 0 && !look_up()) [[unlikely]]
            return MODDB_WINDOW_ASK;
        return settle(moddb_window_read_part(&view_, key.data(), static_cast<uint32_t>(key.size()),
                                             from, part, size, &found),
                      found);
    }

    // Like read() for each of at most MODDB_WINDOW_GROUP keys, which count as one read; false if
    // there is no window.
    bool read_many(std::span<moddb_window_want> wants) noexcept
    {
        if (budget_ <= wants.size()) {
            if (!look_up())
                return false;
        } else {
            budget_ -= static_cast<unsigned>(wants.size());
        }
        moddb_window_read_many(&view_, wants.data(), static_cast<unsigned>(wants.size()));
        bool asks = false;
        for (moddb_window_want &want : wants) {
            if (want.answer == MODDB_WINDOW_HIT && want.found.expires) [[unlikely]]
                want.answer = check_expiry(want.found);
            asks |= want.answer == MODDB_WINDOW_ASK;
        }
        if (asks) [[unlikely]]
            inconclusive();
        return true;
    }

    // Like read(), but without function calls: -1 if that is impossible. The caller checks the
    // expiry with passed().
    int try_read(std::string_view key, char *buffer, size_t size,
                 moddb_window_found &found) noexcept
    {
        if (budget_ <= 1) [[unlikely]]
            return -1;
        --budget_;
        return moddb_window_try_read(&view_, key.data(), static_cast<uint32_t>(key.size()), buffer,
                                     size, &found);
    }

    // Whether an entry has expired.
    bool passed(uint64_t expires) const noexcept;

    // Whether an answer of read(), given when the mapping had this number, is still valid.
    bool unchanged(unsigned mapping, const moddb_window_found &found) noexcept
    {
        return mapping == number_ && moddb_window_unchanged(found.bucket, found.sequence) &&
               (!found.expires || check_expiry(found) == MODDB_WINDOW_HIT);
    }

    // The number of the mapping, which no later mapping has; never 0 while there is one.
    unsigned number() const noexcept { return mapping_ ? number_ : 0; }

  private:
    moddb_window_answer settle(int answer, const moddb_window_found &found) noexcept
    {
        if (answer == MODDB_WINDOW_HIT) [[likely]]
            return found.expires ? check_expiry(found) : MODDB_WINDOW_HIT;
        return answer == MODDB_WINDOW_MISS ? MODDB_WINDOW_MISS : inconclusive();
    }

    bool look_up() noexcept;
    bool follow() noexcept;
    moddb_window_answer check_expiry(const moddb_window_found &found) const noexcept;
    moddb_window_answer inconclusive() noexcept;
    bool map() noexcept;
    void unmap() noexcept;
    uint32_t flags() const noexcept;

    // A process with few reads should not make the kernel copy a large database.
    static constexpr unsigned first_reads = 16;
    // The number of reads between reads of the header of a database that evicts.
    static constexpr unsigned reads_between = 64;
    // The number of reads until the next request for a window that the kernel could not make.
    static constexpr unsigned reads_without = 4096;

    struct moddb_window_view view_ {};
    void *mapping_ = nullptr;
    unsigned budget_ = 1; // reads until look_up(); 1 while there is no mapping
    unsigned patience_ = first_reads;
    unsigned number_ = 1;
    int fd_;
    unsigned process_ = own_process_number();
    size_t size_ = 0;
    int64_t boot_offset_ = 0; // of the time namespace
};

} // namespace moddb_internal
