# SPDX-License-Identifier: MIT
"""A backend for dogpile.cache, whose mutexes exclude all processes of the machine."""

from __future__ import annotations

import pickle
from collections.abc import Mapping, Sequence
from typing import Any

from dogpile.cache import register_backend
from dogpile.cache.api import NO_VALUE, BytesBackend

import moddb
from moddb.database import Database
from moddb.lock import Lock
from moddb.objects import require_trusted


class Mutex:
    """The lock under which a process creates the value of a key. It is released with the process.

    Threads may share it; any of them may release it, as asynchronous creators do.
    """

    def __init__(self, database: Database[str, str], key: str) -> None:
        self._database = database
        self._key = key
        self._held: Lock[str] | None = None

    def acquire(self, wait: bool = True) -> bool:
        """Acquires it, and returns whether that succeeded; does not wait if wait is False."""
        lock = self._database.lock(self._key)
        if not lock.acquire(None if wait else 0):
            return False
        self._held = lock
        return True

    def release(self) -> None:
        """Releases it. RuntimeError if it is not held through this object."""
        lock, self._held = self._held, None
        if lock is None:
            raise RuntimeError("this mutex is not held")
        lock.release()

    def locked(self) -> bool:
        """Whether it is held."""
        return self._key in self._database


class ModdbBackend(BytesBackend):
    """The backend "moddb.dogpile"; import this module before make_region().configure().

    Arguments: database, the name of a database that exists ("default"); expiration, the seconds
    after which a value expires (None: never); lock_database, where the mutexes are (the same one;
    it may not evict); distributed_lock (True): False selects dogpile's own locks, which exclude the
    threads of one process only; lock_prefix ("lock/").

    If the region has no serializers of its own, values are pickled; that is refused with a database
    that other users may write.
    """

    def __init__(self, arguments: dict[str, Any]) -> None:
        name = arguments.get("database", "default")
        self._database: Database[str, bytes] = moddb.open(name, codec=moddb.Codec(bytes, bytes))
        self._ttl: float | None = arguments.get("expiration")
        self._prefix: str = arguments.get("lock_prefix", "lock/")
        self._locks: Database[str, str] | None = None
        if arguments.get("distributed_lock", True):
            locks = moddb.open(arguments.get("lock_database", name), codec="utf-8")
            if locks.info().evict:
                raise ValueError(
                    f"the database {locks.name!r} evicts, and so might drop a lock that is held: "
                    f"name another one as lock_database"
                )
            self._locks = locks

    @property
    def deserializer(self) -> Any:
        """dogpile uses it if the region has none."""
        require_trusted(self._database.info())
        return pickle.loads

    def get_mutex(self, key: str) -> Mutex | None:
        return None if self._locks is None else Mutex(self._locks, self._prefix + key)

    def get_serialized(self, key: str) -> Any:
        return self._database.get(key, NO_VALUE)

    def get_serialized_multi(self, keys: Sequence[str]) -> list[Any]:
        found = self._database.get_many(keys)
        return [found.get(key, NO_VALUE) for key in keys]

    def set_serialized(self, key: str, value: bytes) -> None:
        self._database.set(key, value, ttl=self._ttl)

    def set_serialized_multi(self, mapping: Mapping[str, bytes]) -> None:
        self._database.set_many(mapping, ttl=self._ttl)

    def delete(self, key: str) -> None:
        self._database.pop(key, None)

    def delete_multi(self, keys: Sequence[str]) -> None:
        for key in keys:
            self.delete(key)


register_backend("moddb.dogpile", __name__, "ModdbBackend")
