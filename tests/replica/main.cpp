// SPDX-License-Identifier: MIT
//
// The entry of the agent's unit tests.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
