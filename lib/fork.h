// SPDX-License-Identifier: MIT
//
// Detects that the process is a copy of another, made by fork(), _Fork() or clone(), so that a
// child never reads replies meant for its parent. The check must not cost more than two loads.
#pragma once

namespace moddb_internal {

// The number of the process, in a page that the kernel clears in a copy. There it is 0, which no
// handle has, until the copy chooses its own number. A process that shares the memory, as after
// vfork(), is not a copy.
extern const unsigned *process_number;

// The number of this process, for handles that it opens now.
unsigned own_process_number() noexcept;

// Whether a handle with this number was opened in this process.
inline bool is_own(unsigned number) noexcept
{
    return __atomic_load_n(process_number, __ATOMIC_RELAXED) == number;
}

} // namespace moddb_internal
