// SPDX-License-Identifier: MIT
//
// Checks a recorded history for linearizability. It shares no code with the store.
#pragma once

#include "history.hpp"

#include <string>
#include <vector>

// Returns a message for each violation in a history.
std::vector<std::string> check_history(const std::vector<history::Event> &events);
