// SPDX-License-Identifier: MIT
//
// A watch of one key, by which a function of the library waits or learns that a lock is lost. What
// was done to the key after it was opened is missed by no reader of its events, so the key is
// looked at after that, never before.
#pragma once

#include "cancel.h"
#include "handle.h"

namespace moddb_internal {

// Begins to watch a key, in the place of what was watched before. 0 or a negative errno, whose text
// the handle has, as for all of these.
int watch_key(struct moddb_handle *handle, std::string_view key, OwnedWatch &watch);

// The next event that has arrived: 1; 0 where there is none.
int next_event(struct moddb_handle *handle, const OwnedWatch &watch, moddb_event &event);

// Waits for the next event of handle->waiting: 1; 0 at the deadline, also where events come without
// end. Where the thread is cancelled, the watch is closed.
int await_event(struct moddb_handle *handle, const Deadline &deadline, moddb_event &event);

// Whether an event says that the entry of that key is no longer what it was.
bool is_change(const moddb_event &event) noexcept;

// Whether it says that the watch has ended, so that nothing more is known.
bool is_end(const moddb_event &event) noexcept;

// The version that the entry of a key has now, 0 where there is none.
int current_version(struct moddb_handle *handle, std::string_view key, uint64_t &version);

} // namespace moddb_internal
