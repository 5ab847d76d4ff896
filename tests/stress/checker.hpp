// SPDX-License-Identifier: MIT
//
// Checks a recorded history for linearizability. It shares no code with the store.
#pragma once

#include "history.hpp"

#include <string>
#include <vector>

// Returns the violations in a history, in words.
std::vector<std::string> check_history(const std::vector<history::Event> &events);
