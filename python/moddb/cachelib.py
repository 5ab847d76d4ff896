# SPDX-License-Identifier: MIT
"""A cache for cachelib, and so for Flask-Caching and Flask-Session."""

from __future__ import annotations

from typing import Any

from cachelib.base import BaseCache

from moddb.codecs import Codec
from moddb.errors import Conflict, LimitReached, NotANumber, OutOfRange, TooLarge
from moddb.objects import open_objects


class ModdbCache(BaseCache):
    """A cache that all processes of the machine share.

    database: its name; a missing one is created, for this user alone. key_prefix: the prefix of all
    keys of this cache. serializer: "pickle", "json" or a moddb.Codec; pickle is refused with a
    database that other users may write. max_bytes, max_keys: limits of a database that is created;
    at a limit it evicts entries that were not read recently.

    inc() and dec() are atomic. clear() deletes the keys with the prefix, or all if there is none.
    """

    def __init__(
        self,
        database: str = "cache",
        default_timeout: int = 300,
        key_prefix: str = "",
        serializer: str | Codec[Any] = "pickle",
        max_bytes: int | None = None,
        max_keys: int | None = None,
    ) -> None:
        super().__init__(default_timeout)
        self._database = open_objects(database, serializer, max_bytes=max_bytes, max_keys=max_keys)
        self.key_prefix = key_prefix

    def _key(self, key: str) -> str:
        return self.key_prefix + key

    def _ttl(self, timeout: float | None) -> float | None:
        # In cachelib 0 means that a value does not expire; some of its caches take -1 for that.
        seconds = self._normalize_timeout(timeout)
        return seconds if seconds > 0 else None

    def get(self, key: str) -> Any:
        return self._database.get(self._key(key))

    def get_many(self, *keys: str) -> list[Any]:
        found = self._database.get_many([self._key(key) for key in keys])
        return [found.get(self._key(key)) for key in keys]

    def has(self, key: str) -> bool:
        return self._key(key) in self._database

    def set(self, key: str, value: Any, timeout: float | None = None) -> bool:
        try:
            self._database.set(self._key(key), value, ttl=self._ttl(timeout))
        except (LimitReached, TooLarge):
            # Readers must not get the older value.
            self.delete(key)
            return False
        return True

    def add(self, key: str, value: Any, timeout: float | None = None) -> bool:
        try:
            self._database.set(self._key(key), value, ttl=self._ttl(timeout), if_absent=True)
        except (Conflict, LimitReached, TooLarge):
            return False
        return True

    def set_many(self, mapping: dict[str, Any], timeout: float | None = None) -> list[str]:
        items = {self._key(key): value for key, value in mapping.items()}
        try:
            self._database.set_many(items, ttl=self._ttl(timeout))
        except (LimitReached, TooLarge):
            return [key for key, value in mapping.items() if self.set(key, value, timeout)]
        return list(mapping)

    def delete(self, key: str) -> bool:
        try:
            del self._database[self._key(key)]
        except KeyError:
            return False
        return True

    def delete_many(self, *keys: str) -> list[str]:
        return [key for key in keys if self.delete(key)]

    def clear(self) -> bool:
        if self.key_prefix:
            self._database.delete_prefix(self.key_prefix)
        else:
            self._database.clear()
        return True

    def inc(self, key: str, delta: int = 1) -> int | None:
        """None if the value is not an integer, or the sum has more than 64 bits."""
        try:
            return self._database.incr(self._key(key), delta, ttl=self._ttl(None), ttl_if_new=True)
        except (NotANumber, OverflowError, OutOfRange, LimitReached):
            return None

    def dec(self, key: str, delta: int = 1) -> int | None:
        """Like inc()."""
        return self.inc(key, -delta)


def flask_cache(app: Any, config: Any, args: Any, kwargs: Any) -> ModdbCache:
    """For Flask-Caching: CACHE_TYPE = "moddb.cachelib.flask_cache".

    CACHE_OPTIONS has the arguments of ModdbCache; CACHE_KEY_PREFIX is its key_prefix.
    """
    kwargs.setdefault("key_prefix", config.get("CACHE_KEY_PREFIX", ""))
    return ModdbCache(*args, **kwargs)
