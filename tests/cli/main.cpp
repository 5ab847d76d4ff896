// SPDX-License-Identifier: MIT
//
// The entry of the command's unit tests.

#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
