# SPDX-License-Identifier: MIT
"""Rate limits among processes."""

from __future__ import annotations

from typing import Any
from unittest import mock

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

    def test_sliding_windows(self) -> None:
        storage = storage_from_string("moddb://" + self.database("limits"))
        now = 6000.0

        def hits(times: int = 50) -> int:
            return sum(storage.acquire_sliding_window_entry("u", 20, 60) for _ in range(times))

        with mock.patch("time.time", lambda: now):
            counts = moddb.open("limits")

            def work() -> None:
                counts.incr(b"allowed", hits())

            in_children(4, work)
            self.assertEqual(counts[b"allowed"], b"20")
            self.assertEqual(storage.get_sliding_window("u", 60), (0, 0.0, 20, 120.0))
            # Half of the hits of the previous period count.
            now = 6090.0
            self.assertEqual(storage.get_sliding_window("u", 60), (20, 30.0, 0, 90.0))
            self.assertFalse(storage.acquire_sliding_window_entry("u", 20, 60, 11))
            self.assertEqual(hits(), 10)
            # Hits from two periods ago do not count.
            now = 6120.0 + 59.9
            self.assertEqual(hits(), 20)
            now += 120
            self.assertEqual(storage.get_sliding_window("u", 60)[::2], (0, 0))
            self.assertEqual(hits(), 20)
            storage.clear_sliding_window("u", 60)
            self.assertEqual(hits(), 20)
        ttl = counts.entry(b"limits/s/u").ttl
        assert ttl is not None
        self.assertLessEqual(ttl, 120)

    def test_moving_windows_stay_short(self) -> None:
        storage = storage_from_string("moddb://" + self.database("limits"))
        now = 10**18
        with mock.patch("time.time_ns", lambda: now):
            self.assertTrue(storage.acquire_entry("u", 10**12, 60, 10**11))
            self.assertTrue(storage.acquire_entry("u", 10**12, 60, 10**11))
            self.assertEqual(len(moddb.open("limits")[b"limits/w/u"]), 16)
            self.assertEqual(storage.get_moving_window("u", 10**12, 60), (10**9, 2 * 10**11))
            # A hit counts a little longer than for 60 s, never shorter.
            now += 60 * 10**9
            self.assertEqual(storage.get_moving_window("u", 10**12, 60)[1], 2 * 10**11)
            now += 60 * 10**9 // 60_000 + 1
            self.assertEqual(storage.get_moving_window("u", 10**12, 60)[1], 0)

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
