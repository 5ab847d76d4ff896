// SPDX-License-Identifier: MIT
//
// Runs the command's unit tests.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
