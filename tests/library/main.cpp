// SPDX-License-Identifier: MIT
//
// The entry of the library's tests against the module.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
