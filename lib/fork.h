// SPDX-License-Identifier: MIT
//
// Notices that the process was forked, so that a child never reads answers meant for its parent.
// The question must cost no more than a load.
#pragma once

namespace moddb_internal {

// Counts the forks between the process that loaded the library and this one.
extern unsigned fork_generation;

} // namespace moddb_internal
