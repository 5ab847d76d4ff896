// SPDX-License-Identifier: MIT
//
// Notices that the process is a copy of another, however it was made: fork(), _Fork() or clone(),
// so that a child never reads answers meant for its parent. The question must cost no more than two
// loads.
#pragma once

namespace moddb_internal {

// The number of the process, in a page that the kernel wipes in a copy: 0 there, which no handle
// has, until the copy asks for its own. A process that shares the memory, as after vfork(), is no
// copy.
extern const unsigned *process_number;

// The number of this process, for what it opens now.
unsigned own_process_number() noexcept;

// Whether what has this number was opened in this process.
inline bool is_own(unsigned number) noexcept
{
    return __atomic_load_n(process_number, __ATOMIC_RELAXED) == number;
}

} // namespace moddb_internal
