// SPDX-License-Identifier: MIT
//
// Runs the library's tests against the module.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
