// SPDX-License-Identifier: MIT
//
// Runs the tests of the window's reader. They need neither the library nor the module.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
