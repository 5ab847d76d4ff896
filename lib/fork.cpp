// SPDX-License-Identifier: MIT
//
// Notices that the process was forked. It must do nothing in the child but count: other threads'
// locks may be held there for ever.
#include "fork.h"

#include <pthread.h>

namespace moddb_internal {

unsigned fork_generation;

namespace {

[[gnu::constructor]] void watch_forks()
{
    pthread_atfork(nullptr, nullptr, [] { ++fork_generation; });
}

} // namespace

} // namespace moddb_internal
