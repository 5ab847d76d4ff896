# SPDX-License-Identifier: MIT
"""dogpile.cache's tests of backends and of their mutexes."""

from __future__ import annotations

from typing import Any

from published import own_database, use_tests_of

use_tests_of("python3-dogpile.cache")

from tests.cache import _fixtures  # noqa: E402

import moddb.dogpile  # noqa: E402, F401

arguments: dict[str, Any] = {"database": own_database("dogpile")}


class ModdbTest(_fixtures._GenericBackendTest):
    backend = "moddb.dogpile"
    config_args = {"arguments": arguments}


class SerializerTest(_fixtures._GenericSerializerTest, ModdbTest):
    pass


class MutexTest(_fixtures._GenericMutexTest):
    backend = "moddb.dogpile"
    config_args = {"arguments": arguments}


class ThreadsTest(ModdbTest):
    config_args = {"arguments": {**arguments, "distributed_lock": False}}
