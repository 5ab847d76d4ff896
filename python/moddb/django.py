# SPDX-License-Identifier: MIT
"""A cache backend for Django.

    CACHES = {"default": {"BACKEND": "moddb.django.ModdbCache", "LOCATION": "cache"}}
"""

from __future__ import annotations

import re
from typing import Any

from django.core.cache.backends.base import DEFAULT_TIMEOUT, BaseCache

from moddb.errors import Conflict, LimitReached, NotANumber, OutOfRange, TooLarge
from moddb.objects import open_objects


# Keys that Django warns about. Its own check reads them character by character, which takes longer
# than all the rest of a read.
_is_odd = re.compile(r"[\0-\x20\x7f]").search


class ModdbCache(BaseCache):
    """A cache that all processes of the machine share.

    LOCATION is the name of a database; a missing one is created, for this user alone. In OPTIONS,
    MAX_BYTES and MAX_ENTRIES limit a database that is created: instead of culling, as Django does,
    it evicts entries that were not read recently. SERIALIZER: "pickle", "json" or a moddb.Codec;
    pickle is refused with a database that other users may write.

    incr() and decr() are atomic, and keep the time to live. clear() deletes all entries of the
    database, whatever their prefix.
    """

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)
        # An application may check its keys in another way.
        self._validates = type(self).validate_key is not BaseCache.validate_key
        options = params.get("OPTIONS", {})
        self._database = open_objects(
            location or "cache",
            options.get("SERIALIZER", "pickle"),
            max_bytes=options.get("MAX_BYTES"),
            max_keys=options.get("MAX_ENTRIES"),
        )

    def _key(self, key: str, version: int | None) -> str:
        made: str = self.make_key(key, version=version)
        if self._validates or len(made) > 250 or _is_odd(made):
            self.validate_key(made)
        return made

    def _ttl(self, timeout: Any) -> float | None:
        """Seconds to live; None: it does not expire; 0 or less: it has expired already."""
        ttl: float | None = self.default_timeout if timeout is DEFAULT_TIMEOUT else timeout
        return ttl

    def add(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> bool:
        made, ttl = self._key(key, version), self._ttl(timeout)
        if ttl is not None and ttl <= 0:
            return made not in self._database
        try:
            self._database.set(made, value, ttl=ttl, if_absent=True)
        except Conflict:
            return False
        return True

    def get(self, key: str, default: Any = None, version: int | None = None) -> Any:
        return self._database.get(self._key(key, version), default)

    def set(
        self, key: str, value: Any, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> None:
        made, ttl = self._key(key, version), self._ttl(timeout)
        if ttl is not None and ttl <= 0:
            self._database.pop(made, None)
            return
        try:
            self._database.set(made, value, ttl=ttl)
        except (LimitReached, TooLarge):
            # Readers must not get the older value.
            self._database.pop(made, None)
            raise

    def touch(self, key: str, timeout: Any = DEFAULT_TIMEOUT, version: int | None = None) -> bool:
        made, ttl = self._key(key, version), self._ttl(timeout)
        try:
            if ttl is None or ttl > 0:
                self._database.touch(made, ttl)
            else:
                del self._database[made]
        except KeyError:
            return False
        return True

    def delete(self, key: str, version: int | None = None) -> bool:
        try:
            del self._database[self._key(key, version)]
        except KeyError:
            return False
        return True

    def has_key(self, key: str, version: int | None = None) -> bool:
        return self._key(key, version) in self._database

    def get_many(self, keys: Any, version: int | None = None) -> dict[str, Any]:
        made = {self._key(key, version): key for key in keys}
        return {made[key]: value for key, value in self._database.get_many(made).items()}

    def set_many(
        self, data: dict[str, Any], timeout: Any = DEFAULT_TIMEOUT, version: int | None = None
    ) -> list[str]:
        made, ttl = {self._key(key, version): data[key] for key in data}, self._ttl(timeout)
        if ttl is None or ttl > 0:
            self._database.set_many(made, ttl=ttl)
        else:
            self.delete_many(data, version)
        return []

    def incr(self, key: str, delta: int = 1, version: int | None = None) -> Any:
        made = self._key(key, version)
        try:
            return self._database.incr(made, delta, if_present=True)
        except Conflict:
            raise ValueError(f"Key {key!r} not found") from None
        except (NotANumber, OutOfRange, OverflowError, TypeError):
            return self._add(made, delta)

    def _add(self, made: str, delta: Any) -> Any:
        """Like incr(), for numbers that are not integers of 64 bits."""
        while True:
            try:
                entry = self._database.entry(made)
                value = entry.value + delta
                self._database.set(made, value, ttl=entry.ttl, if_version=entry.version)
                return value
            except KeyError:
                raise ValueError(f"Key {made!r} not found") from None
            except Conflict:
                continue

    def clear(self) -> None:
        self._database.clear()
