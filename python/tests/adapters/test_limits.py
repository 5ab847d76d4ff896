# SPDX-License-Identifier: MIT
"""Rate limits among processes."""

from __future__ import annotations

from typing import Any

import moddb
import moddb.limits
from adapter_case import Case
from limits import RateLimitItemPerHour
from limits.storage import storage_from_string
from limits.strategies import FixedWindowRateLimiter, MovingWindowRateLimiter
from support import in_children


class Limits(Case):
    def test_exact_among_processes(self) -> None:
        name = self.database("limits")
        counts = moddb.open(name)
        limit = RateLimitItemPerHour(100)
        for strategy in (FixedWindowRateLimiter, MovingWindowRateLimiter):
            counts[b"allowed"] = b"0"

            def hit() -> None:
                storage = storage_from_string("moddb://limits")
                limiter = strategy(storage)
                counts.incr(b"allowed", sum(limiter.hit(limit, "user") for _ in range(50)))

            in_children(4, hit)
            self.assertEqual(counts[b"allowed"], b"100")

    def test_reset_and_clear(self) -> None:
        storage = storage_from_string("moddb://" + self.database("limits"))
        limiter = MovingWindowRateLimiter(storage)
        fixed = FixedWindowRateLimiter(storage)
        limit = RateLimitItemPerHour(1)
        moddb.open("limits")[b"other"] = b"v"
        calls: list[Any] = [storage.reset, lambda: fixed.clear(limit, "u")]
        for forget in calls:
            self.assertTrue(fixed.hit(limit, "u") and limiter.hit(limit, "u"))
            self.assertFalse(fixed.hit(limit, "u") or limiter.hit(limit, "u"))
            forget()
        self.assertEqual(list(moddb.open("limits")), [b"other"])
        self.assertFalse(limiter.hit(limit, "u", cost=2))

    def test_check(self) -> None:
        moddb.create("limits")
        storage = storage_from_string("moddb://limits")
        self.assertTrue(storage.check())
        moddb.delete("limits")
        self.assertFalse(storage.check())
        with self.assertRaises(moddb.NoSuchDatabase):
            storage_from_string("moddb://limits")
        with self.assertRaises(moddb.InvalidArgument):
            storage_from_string("moddb://")
