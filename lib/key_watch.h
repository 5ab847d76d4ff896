// SPDX-License-Identifier: MIT
//
// A watch of one key, with which functions of the library wait, or detect that a lock is lost. Read
// the key after the watch was opened, never before: the watch reports all changes since then.
#pragma once

#include "cancel.h"
#include "handle.h"

namespace moddb_internal {

// Opens a watch of a key, in place of the previous watch. Returns 0 or a negative errno, with a
// message in the handle, like all of these functions.
int watch_key(struct moddb_handle *handle, std::string_view key, OwnedWatch &watch);

// Reads the next event that has arrived: 1, or 0 if there is none.
int next_event(struct moddb_handle *handle, const OwnedWatch &watch, moddb_event &event);

// Waits for the next event of handle->waiting: 1, or 0 at the deadline, even if events keep
// arriving. If the thread is cancelled, the watch is closed.
int await_event(struct moddb_handle *handle, const Deadline &deadline, moddb_event &event);

// Whether an event means that the entry of the key has changed.
bool is_change(const moddb_event &event) noexcept;

// Whether an event means that the watch has ended, so that later changes are unknown.
bool is_end(const moddb_event &event) noexcept;

// The current version of a key's entry, 0 if there is none.
int current_version(struct moddb_handle *handle, std::string_view key, uint64_t &version);

} // namespace moddb_internal
