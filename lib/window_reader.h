// SPDX-License-Identifier: MIT
//
// A handle's window: maps it when reading pays, maps its successor, and knows what time it is for
// an entry that expires. It must never answer what the kernel would not have answered at that
// moment; where it cannot be sure it says so, and the caller asks the kernel.
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
    // The session's file, bound to a database with the right to read, which must outlive this.
    explicit WindowReader(int fd) noexcept : fd_(fd) {}
    ~WindowReader() { unmap(); }
    WindowReader(const WindowReader &) = delete;
    WindowReader &operator=(const WindowReader &) = delete;

    // As moddb_window_read(), with the clock looked at.
    moddb_window_answer read(std::string_view key, char *buffer, size_t size,
                             moddb_window_found &found) noexcept
    {
        if (--budget_ == 0 && !look_up()) [[unlikely]]
            return MODDB_WINDOW_ASK;
        return settle(moddb_window_read(&view_, key.data(), static_cast<uint32_t>(key.size()),
                                        buffer, size, &found),
                      found);
    }

    // As read(), of the part of the value that begins at an offset.
    moddb_window_answer read_part(std::string_view key, uint32_t from, char *part, size_t size,
                                  moddb_window_found &found) noexcept
    {
        if (--budget_ == 0 && !look_up()) [[unlikely]]
            return MODDB_WINDOW_ASK;
        return settle(moddb_window_read_part(&view_, key.data(), static_cast<uint32_t>(key.size()),
                                             from, part, size, &found),
                      found);
    }

    // As read() of each of at most MODDB_WINDOW_GROUP, which counts as one; false where there is no
    // window to read.
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
                want.answer = judge(want.found);
            asks |= want.answer == MODDB_WINDOW_ASK;
        }
        if (asks) [[unlikely]]
            asked();
        return true;
    }

    // As read(), but only where that needs no call of a function: else -1, which says nothing. The
    // clock is the caller's to look at, with passed().
    int glance(std::string_view key, char *buffer, size_t size, moddb_window_found &found) noexcept
    {
        if (budget_ <= 1) [[unlikely]]
            return -1;
        --budget_;
        return moddb_window_glance(&view_, key.data(), static_cast<uint32_t>(key.size()), buffer,
                                   size, &found);
    }

    // Whether the time of an entry is over.
    bool passed(uint64_t expires) const noexcept;

    // Whether an answer that read() gave, when the mapping had this number, is still right.
    bool unchanged(unsigned mapping, const moddb_window_found &found) noexcept
    {
        return mapping == number_ && moddb_window_unchanged(found.set, found.sequence) &&
               (!found.expires || judge(found) == MODDB_WINDOW_HIT);
    }

    // The number of the mapping, which none after it has; 0 is never that of one.
    unsigned number() const noexcept { return mapping_ ? number_ : 0; }

  private:
    moddb_window_answer settle(int answer, const moddb_window_found &found) noexcept
    {
        if (answer == MODDB_WINDOW_HIT) [[likely]]
            return found.expires ? judge(found) : MODDB_WINDOW_HIT;
        return answer == MODDB_WINDOW_MISS ? MODDB_WINDOW_MISS : asked();
    }

    bool look_up() noexcept;
    bool follow() noexcept;
    moddb_window_answer judge(const moddb_window_found &found) const noexcept;
    moddb_window_answer asked() noexcept;
    bool map() noexcept;
    void unmap() noexcept;
    uint32_t flags() const noexcept;

    // A process that reads a few times should not make the kernel copy a large database.
    static constexpr unsigned first_reads = 16;
    // How many reads until the header is looked at, for a database that evicts.
    static constexpr unsigned reads_between = 64;
    // How many reads until the kernel is asked again for a window that it could not give.
    static constexpr unsigned reads_without = 4096;

    struct moddb_window_view view_ {};
    void *mapping_ = nullptr;
    unsigned budget_ = 1; // until look_up(); 1 while there is no mapping
    unsigned patience_ = first_reads;
    unsigned number_ = 1;
    int fd_;
    unsigned process_ = own_process_number();
    size_t size_ = 0;
    int64_t boot_offset_ = 0; // of the time namespace
};

} // namespace moddb_internal
