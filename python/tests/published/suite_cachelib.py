# SPDX-License-Identifier: MIT
"""cachelib's tests of caches."""

from __future__ import annotations

from typing import Any

from published import own_database, use_tests_of

use_tests_of("python3-cachelib", "tests")

from clear import ClearTests  # noqa: E402
from common import CommonTests  # noqa: E402
from has import HasTests  # noqa: E402

from moddb.cachelib import ModdbCache  # noqa: E402


class TestModdbCache(CommonTests, ClearTests, HasTests):
    """All of them, with the default serializer."""

    serializer = "pickle"

    def cache_factory(self, **options: Any) -> ModdbCache:
        return ModdbCache(own_database("cachelib"), serializer=self.serializer, **options)


class TestPrefix(TestModdbCache):
    """The same with a prefix."""

    def cache_factory(self, **options: Any) -> ModdbCache:
        return super().cache_factory(key_prefix="prefix/", **options)
