# SPDX-License-Identifier: MIT
"""A storage for the package limits, and so for Flask-Limiter: exact among all processes."""

from __future__ import annotations

import struct
import time
from math import floor
from typing import Any
from urllib.parse import unquote, urlsplit

from limits.storage import MovingWindowSupport, Storage

import moddb
from moddb.database import Database

try:
    from limits.storage.base import SlidingWindowCounterSupport, TimestampedSlidingWindow
except ImportError:
    # Versions before 4.1 have no such strategy.
    class SlidingWindowCounterSupport:  # type: ignore[no-redef]
        """Nothing."""

    class TimestampedSlidingWindow:  # type: ignore[no-redef]
        """Nothing."""


_HITS = struct.Struct("=qq")
"""The time of hits in nanoseconds since 1970, and their number."""

_STEPS = 60_000
"""The number of steps of a moving window, whose list then fits into a value."""


class ModdbStorage(
    Storage, MovingWindowSupport, SlidingWindowCounterSupport, TimestampedSlidingWindow
):
    """The storage of "moddb://DATABASE"; import this module before storage_from_string().

    A fixed window is a counter of the kernel. A moving one is a list of hits, each of which counts
    for up to 1/60,000 of the window's length too long; a sliding one is the hits of this and of the
    previous period. Both are updated by compare-and-set. No hit is lost or counted twice, however
    many processes hit at once, and windows expire. All keys begin with key_prefix ("limits/").

    Use a database that only these processes may write: its writers can change the limits.
    """

    STORAGE_SCHEME = ["moddb"]

    def __init__(
        self, uri: str | None = None, *, key_prefix: str = "limits/", **options: Any
    ) -> None:
        super().__init__(uri, **options)
        parts = urlsplit(uri or "")
        self._prefix = key_prefix.encode()
        self._database: Database[bytes, bytes] = moddb.open(unquote(parts.netloc + parts.path))

    @property
    def base_exceptions(self) -> type[Exception]:
        """The exceptions that the methods raise; later versions of limits use this."""
        return moddb.Error

    def _counter(self, key: str) -> bytes:
        return self._prefix + b"n/" + key.encode()

    def _window(self, key: str) -> bytes:
        return self._prefix + b"w/" + key.encode()

    def _periods(self, key: str) -> bytes:
        return self._prefix + b"s/" + key.encode()

    def _hits(self, window: bytes, begin: int) -> tuple[int, list[tuple[int, int]]]:
        """The version of a moving window, and the times and numbers of its hits since a time."""
        try:
            entry = self._database.entry(window)
        except KeyError:
            return 0, []
        hits = [(moment, number) for moment, number in _HITS.iter_unpack(entry.value)]
        return entry.version, [each for each in hits if each[0] >= begin]

    def incr(self, key: str, expiry: int, elastic_expiry: bool = False, amount: int = 1) -> int:
        """Counts a hit of a fixed window; a new counter expires after expiry seconds."""
        return self._database.incr(
            self._counter(key), amount, ttl=expiry, ttl_if_new=not elastic_expiry
        )

    def get(self, key: str) -> int:
        """The hits of a fixed window."""
        return int(self._database.get(self._counter(key), b"0"))

    def get_expiry(self, key: str) -> int:
        """When a fixed window ends, in seconds since 1970."""
        try:
            return int(time.time() + (self._database.entry(self._counter(key)).ttl or 0))
        except KeyError:
            return int(time.time())

    def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        """Counts hits of a moving window, if there is room for all of them."""
        window = self._window(key)
        length = expiry * 10**9
        # Hits of one step have one time, its end, so that the list of a busy window stays short.
        step = max(length // _STEPS, 1)
        while True:
            now = time.time_ns()
            version, hits = self._hits(window, now - length)
            if sum(number for _, number in hits) + amount > limit:
                return False
            moment = (now // step + 1) * step
            if hits and hits[-1][0] == moment:
                hits[-1] = (moment, hits[-1][1] + amount)
            else:
                hits.append((moment, amount))
            value = b"".join(_HITS.pack(*each) for each in hits)
            try:
                self._database.set(window, value, ttl=expiry, if_version=version)
            except moddb.Conflict:
                # Another hit came between, or the window has expired.
                continue
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[int, int]:
        """The time of the oldest hit of a moving window, and the number of hits."""
        now = time.time_ns()
        _, hits = self._hits(self._window(key), now - expiry * 10**9)
        oldest = min(hits[0][0], now) if hits else now
        return oldest // 10**9, sum(number for _, number in hits)

    def _sliding(self, key: str, period: int) -> tuple[int, int, int]:
        """The version of a sliding window, and its hits in the previous and in this period."""
        try:
            entry = self._database.entry(self._periods(key))
        except KeyError:
            return 0, 0, 0
        last, previous, current = struct.unpack("=3q", entry.value)
        if last < period:
            previous, current = current if last == period - 1 else 0, 0
        return entry.version, previous, current

    def acquire_sliding_window_entry(
        self, key: str, limit: int, expiry: int, amount: int = 1
    ) -> bool:
        """Counts hits of a sliding window, if there is room for all of them."""
        while True:
            now = time.time()
            period = int(now // expiry)
            version, previous, current = self._sliding(key, period)
            if floor(previous * (1 - now % expiry / expiry) + current) + amount > limit:
                return False
            value = struct.pack("=3q", period, previous, current + amount)
            try:
                self._database.set(self._periods(key), value, ttl=2 * expiry, if_version=version)
            except moddb.Conflict:
                # Another hit came between, or the window has expired.
                continue
            return True

    def get_sliding_window(self, key: str, expiry: int) -> tuple[int, float, int, float]:
        """The hits of the previous period and of this one, each with the seconds that they count."""
        now = time.time()
        _, previous, current = self._sliding(key, int(now // expiry))
        left = expiry - now % expiry
        return previous, left if previous else 0.0, current, left + expiry

    def clear_sliding_window(self, key: str, expiry: int) -> None:
        """Deletes the hits of a sliding window."""
        self._database.pop(self._periods(key), None)

    def check(self) -> bool:
        """Whether the database can be reached."""
        try:
            self._database.info()
        except moddb.Error:
            return False
        return True

    def reset(self) -> int:
        """Deletes all hits, and returns how many windows there were."""
        return self._database.delete_prefix(self._prefix)

    def clear(self, key: str) -> None:
        """Deletes the hits of one limit."""
        self._database.pop(self._counter(key), None)
        self._database.pop(self._window(key), None)
        self._database.pop(self._periods(key), None)
