# SPDX-License-Identifier: MIT
"""Watches: the changes of a database as they happen, for threads and for asyncio."""

from __future__ import annotations

import asyncio
import errno
import os
import weakref
from collections.abc import AsyncIterator, Iterator
from types import TracebackType
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar

from moddb import _moddb
from moddb.entry import Entry
from moddb.errors import Overrun, Stale

K = TypeVar("K")
V = TypeVar("V")

Kind = Literal["set", "del", "expired", "evicted", "released", "sync", "cleared"]


class Event(NamedTuple, Generic[K, V]):
    """One change."""

    kind: Kind
    """set; del, expired, evicted, released (its session ended): the entry is gone; cleared: all
    entries with a lower version are gone; sync: all changes up to the version were reported."""
    key: K | None
    """None for sync and cleared."""
    entry: Entry[V] | None
    """The new entry; None if the event is not a set, or if the value is longer than 30720 bytes:
    read it from the database."""
    version: int
    """The revision of the change."""
    uid: int
    """The user who made the change."""
    pid: int
    """The process that made it."""
    initial: bool
    """The entry existed when the watch began."""


class Watch(_moddb.Watch[K, V]):
    """The changes of a database, in the order of their revisions, each exactly once.

    Iterate over it, with for or async for, or call read(); all of them end with Overrun if this
    reader was too slow, and with Stale when the database is deleted or the right to read is lost.
    Made by Database.watch(). It has a session of its own, which close() ends. One thread at a time
    may read it; a forked child may not use it, but can make one of its own.
    """

    def __new__(
        cls,
        store: _moddb.Store[K, V],
        key: K | None,
        is_key: bool,
        initial: bool,
        since: int | None,
    ) -> Self:
        """See Database.watch()."""
        self = super().__new__(cls, store, key, is_key, initial, since)
        _watches.add(self)
        return self

    def read(self, timeout: float | None = None) -> Event[K, V] | None:
        """The next event; None if none came within timeout seconds. 0 does not wait.

        If the handler of a signal raises an exception here, as that of Ctrl-C does, no event is lost.
        """
        while True:
            found = self.next_event(timeout)
            if found is None:
                return None
            kind, _, _, version, *_ = found
            if kind == "overrun":
                raise Overrun(version - 1)
            if kind == "ended":
                raise Stale(errno.ESTALE, "the database was deleted, or the right to read was lost")
            event = None if kind is None else Event(*found)
            # From here to the caller there is no call, at the end of which a handler could run.
            self.has_event = False
            # A later module may report other kinds, which are not changes of entries.
            if event is not None:
                return event

    def __iter__(self) -> Iterator[Event[K, V]]:
        return self

    def __next__(self) -> Event[K, V]:
        event = self.read()
        assert event is not None
        return event

    def __aiter__(self) -> AsyncIterator[Event[K, V]]:
        return self

    async def __anext__(self) -> Event[K, V]:
        while True:
            event = self.read(0)
            if event is not None:
                return event
            await _readable(self.fileno())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[None] = loop.create_future()
    # Called repeatedly while it is readable.
    loop.add_reader(descriptor, lambda: None if arrived.done() else arrived.set_result(None))
    try:
        await arrived
    finally:
        loop.remove_reader(descriptor)


_watches: weakref.WeakSet[Watch[Any, Any]] = weakref.WeakSet()


def _forget_watches() -> None:
    for watch in list(_watches):
        watch.forget()


# A child must not keep the parent's watches in the kernel.
os.register_at_fork(after_in_child=_forget_watches)
