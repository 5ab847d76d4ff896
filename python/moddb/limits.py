# SPDX-License-Identifier: MIT
"""A storage for the package limits, and so for Flask-Limiter: exact among all processes."""

from __future__ import annotations

import struct
import time
from typing import Any
from urllib.parse import unquote, urlsplit

from limits.storage import MovingWindowSupport, Storage

import moddb
from moddb.database import Database


class ModdbStorage(Storage, MovingWindowSupport):
    """The storage of "moddb://DATABASE"; import this module before storage_from_string().

    A fixed window is a counter of the kernel, a moving one the list of its hits, exchanged by
    compare-and-set, so a limit is at most 131,072. No hit is lost or counted twice, however many
    processes hit at once, and windows expire. key_prefix is what all keys begin with ("limits/").

    Use a database that only these processes may write: who may write it may change the limits.
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
        """What the methods raise; later versions of limits ask for it."""
        return moddb.Error

    def _counter(self, key: str) -> bytes:
        return self._prefix + b"n/" + key.encode()

    def _window(self, key: str) -> bytes:
        return self._prefix + b"w/" + key.encode()

    def _hits(self, window: bytes, begin: int) -> tuple[int, list[int]]:
        """The version of a moving window, and its hits since a time, oldest first."""
        try:
            entry = self._database.entry(window)
        except KeyError:
            return 0, []
        times = struct.unpack(f"={len(entry.value) // 8}q", entry.value)
        return entry.version, [moment for moment in times if moment >= begin]

    def incr(self, key: str, expiry: int, elastic_expiry: bool = False, amount: int = 1) -> int:
        """Counts a hit of a fixed window; a new counter lives for expiry seconds."""
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
        while True:
            now = time.time_ns()
            version, times = self._hits(window, now - expiry * 10**9)
            if len(times) + amount > limit:
                return False
            times += [now] * amount
            value = struct.pack(f"={len(times)}q", *times)
            try:
                self._database.set(window, value, ttl=expiry, if_version=version)
            except moddb.Conflict:
                # Another hit came between, or the window has expired.
                continue
            return True

    def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[int, int]:
        """When the oldest hit of a moving window was, and how many there are."""
        now = time.time_ns()
        _, times = self._hits(self._window(key), now - expiry * 10**9)
        return (times[0] if times else now) // 10**9, len(times)

    def check(self) -> bool:
        """Whether the database can be reached."""
        try:
            self._database.info()
        except moddb.Error:
            return False
        return True

    def reset(self) -> int:
        """Forgets all hits, and returns how many windows there were."""
        return self._database.delete_prefix(self._prefix)

    def clear(self, key: str) -> None:
        """Forgets the hits of one limit."""
        self._database.pop(self._counter(key), None)
        self._database.pop(self._window(key), None)
