# SPDX-License-Identifier: MIT
"""dogpile.cache's tests of backends and of their mutexes."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from published import own_database, use_tests_of

use_tests_of("python3-dogpile.cache")

try:
    from dogpile.testing import fixtures  # noqa: E402
except ImportError:
    # Versions before 1.2.
    from tests.cache import _fixtures as fixtures  # noqa: E402

import moddb.dogpile  # noqa: E402, F401


def suite(kind: str) -> Any:
    """The class of tests of that kind, under whichever name this version has."""
    name = f"_Generic{kind}Test"
    return getattr(fixtures, name + "Suite", None) or getattr(fixtures, name)


# Not in variables of the module, whose test cases pytest runs.
suites: Any = SimpleNamespace(
    backend=suite("Backend"), serializer=suite("Serializer"), mutex=suite("Mutex")
)
arguments: dict[str, Any] = {"database": own_database("dogpile")}


class TestModdb(suites.backend):
    backend = "moddb.dogpile"
    config_args = {"arguments": arguments}


class TestSerializer(suites.serializer, TestModdb):
    pass


class TestMutex(suites.mutex):
    backend = "moddb.dogpile"
    config_args = {"arguments": arguments}


class TestThreads(TestModdb):
    config_args = {"arguments": {**arguments, "distributed_lock": False}}
