# SPDX-License-Identifier: MIT
"""A database as a mutable mapping."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, MutableMapping
from types import TracebackType
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar, overload

from moddb import _moddb
from moddb.archive import Path, Saved, save
from moddb.codecs import Codec, CodecName, functions_of
from moddb.databases import DatabaseInfo, info_of
from moddb.entry import Entry
from moddb.errors import Conflict, Overrun, TooLarge
from moddb.lock import Lock
from moddb.transaction import Transaction
from moddb.transports import TransportName, number_of
from moddb.views import Items, Values
from moddb.watch import Event, Watch

K = TypeVar("K")
V = TypeVar("V")
D = TypeVar("D")
T = TypeVar("T")

_missing: Any = object()


class Listing(NamedTuple, Generic[K, V]):
    """Entries of a database, and the revision up to which all changes are in them."""

    revision: int
    entries: dict[K, Entry[V]]


class Database(_moddb.Store[K, V], MutableMapping[K, V]):
    """A database of this machine, as a dict that all its processes share.

    Any thread may use it at any time; each has a session of its own, which ends with the thread. A
    forked child may use it, too, and gets sessions of its own, unless ephemeral entries were written
    through it: these are the parent's, and the child gets Forked until it calls reopen().

    A missing key is a KeyError. Everything else that fails raises a class of moddb.errors with the
    kernel's message; ValueError once the object is closed. Ctrl-C ends every wait.

    Cost: reading a key usually takes no system call; every write takes one, and so does len().
    Iteration, keys(), values(), items() and == read a whole listing first.
    """

    _arguments: tuple[str, CodecName | Codec[Any] | None, TransportName, float]

    def __new__(
        cls,
        name: str = "default",
        *,
        codec: CodecName | Codec[Any] | None = None,
        transport: TransportName = "auto",
        timeout: float = 10,
    ) -> Self:
        """Opens a database; moddb.open() is the same with types."""
        number = number_of(transport)
        if not 0 < timeout <= 4e6:
            raise ValueError("a timeout is a number of seconds above 0")
        milliseconds = max(1, int(timeout * 1000))
        self = super().__new__(cls, name, *functions_of(codec), number, milliseconds)
        self._arguments = (name, codec, transport, timeout)
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        # Another process opens a session of its own.
        return _unpickle, self._arguments

    def __repr__(self) -> str:
        return f"<moddb.Database {self.name!r}{' (closed)' if self.closed else ''}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # -------------------------------------------------------------- listings

    def __iter__(self) -> Iterator[K]:
        return iter(self.list_keys())

    def list_keys(self, prefix: K | None = None) -> list[K]:
        """The keys that begin with a prefix, in no particular order.

        Every key that exists throughout the call is in the list.
        """
        return self.read_listing(prefix, 0, _moddb.LISTING_KEYS)[1]

    def list_items(self, prefix: K | None = None) -> list[tuple[K, V]]:
        """Like list_keys(), with the values."""
        return self.read_listing(prefix, 0, _moddb.LISTING_VALUES)[1]

    def listing(self, prefix: K | None = None, *, since: int = 0) -> Listing[K, V]:
        """The entries that begin with a prefix and were written after the revision since.

        All changes up to the revision of the listing are in it; later changes may be in it or not.
        ListingInterrupted if the database changes too fast.
        """
        revision, entries = self.read_listing(prefix, since, _moddb.LISTING_ENTRIES)
        return Listing(revision, dict(entries))

    def snapshot(self, prefix: K | None = None) -> Listing[K, V]:
        """The entries exactly as they were at one revision, in the order of the keys' bytes."""
        revision, entries = self.read_snapshot(prefix)
        return Listing(revision, dict(entries))

    def values(self) -> Values[V]:
        """A view of the values; each iteration reads a listing."""
        return Values(self)

    def items(self) -> Items[K, V]:
        """A view of the keys and values; each iteration reads a listing."""
        return Items(self)

    # ------------------------------------------------------- waiting for changes

    def watch(
        self,
        prefix: K | None = None,
        *,
        key: K | None = None,
        initial: bool = False,
        since: int | None = None,
    ) -> Watch[K, V]:
        """Watches the keys that begin with a prefix, or one key, or all.

        It begins with the next change; with initial, with the existing entries (those written after
        since, if given) and then a sync event; with since, after that revision: HistoryLost if the
        database's log does not reach back to it, and OutOfRange if the database has not reached
        the revision, as another one of the same name may not have. LimitReached if the user has
        too many watches.
        """
        if prefix is not None and key is not None:
            raise ValueError("a watch has a prefix or a key")
        return Watch(self, prefix if key is None else key, key is not None, initial, since)

    def _is_awaited(self, event: Event[K, V], wanted: V) -> bool:
        if event.kind != "set":
            return False
        if event.entry is None:
            # The value is too long for an event.
            return wanted is _missing or self.get(event.key, _missing) == wanted  # type: ignore
        return wanted is _missing or event.entry.value == wanted

    def _value_of(self, event: Event[K, V]) -> V:
        assert event.key is not None
        return self[event.key] if event.entry is None else event.entry.value

    def wait(self, key: K, value: V = _missing, *, timeout: float | None = None) -> V:
        """Waits until a key exists, or has this value, and returns its value.

        A value that exists only for a moment is not missed. TimeoutError after timeout seconds.
        """
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            try:
                with self.watch(key=key, initial=True) as watch:
                    while True:
                        left = None if deadline is None else max(0, deadline - time.monotonic())
                        event = watch.read(left)
                        if event is None:
                            raise TimeoutError(f"{key!r} was not set within {timeout} s")
                        if self._is_awaited(event, value):
                            return self._value_of(event)
            except Overrun:
                continue

    async def wait_async(self, key: K, value: V = _missing) -> V:
        """Like wait(), for asyncio, whose timeout() limits it."""
        while True:
            try:
                with self.watch(key=key, initial=True) as watch:
                    async for event in watch:
                        if self._is_awaited(event, value):
                            return self._value_of(event)
            except Overrun:
                continue

    def lock(self, key: K, *, value: Any = _missing, timeout: float | None = None) -> Lock[K]:
        """A lock, for a with statement; value identifies the holder to others, by default the pid.

        Entering the block waits for the lock; TimeoutError after timeout seconds.
        """
        if value is _missing:
            pid = os.getpid()
            codec = self._arguments[1]
            value = b"%d" % pid if codec is None else str(pid) if codec == "utf-8" else pid
        return Lock(self, key, value, timeout)

    def cached(self, key: K, default: Any = None) -> _moddb.Cached[K, Any]:
        """Prepares repeated reads of one key, such as a flag: calling the result reads it.

        While the entry does not change, that costs a few loads and returns the same object.
        """
        return _moddb.Cached(self, key, default)

    # ------------------------------------------------------- limits and rights

    def info(self) -> DatabaseInfo:
        """The database's limits, rights and counters."""
        return info_of(self)

    def alter(
        self,
        *,
        owner: int | None = None,
        group: int | None = None,
        mode: int | None = None,
        max_bytes: int | None = None,
        max_keys: int | None = None,
        evict: bool | None = None,
        shared: bool | None = None,
    ) -> None:
        """Changes the given settings; see DatabaseInfo. NotPermitted if not the owner."""
        self.database_alter(
            None,
            owner=owner,
            group=group,
            mode=mode,
            max_bytes=max_bytes,
            max_keys=max_keys,
            evict=evict,
            shared=shared,
        )

    def seal(self) -> None:
        """Makes the database permanently read-only."""
        self.database_seal(None)

    def save(self, file: Path) -> Saved:
        """Writes the database to a file, which moddb.restore() reads; see moddb.save()."""
        _, _, transport, _ = self._arguments
        return save(file, [self.name], transport=transport)

    # ------------------------------------------------ writes that read first

    @overload
    def pop(self, key: K, /) -> V:
        ...

    @overload
    def pop(self, key: K, /, default: V | D) -> V | D:
        ...

    def pop(self, key: K, /, default: Any = _missing) -> Any:
        """Deletes an entry and returns its value: of several callers, only one gets it."""
        try:
            return self.take(key)
        except KeyError:
            if default is _missing:
                raise
            return default

    def popitem(self) -> tuple[K, V]:
        """Deletes any entry and returns it; reads a listing of the keys. KeyError if none is left."""
        for key in self.list_keys():
            try:
                return key, self.pop(key)
            except KeyError:
                continue
        raise KeyError("popitem(): the database is empty")

    @overload
    def setdefault(self: Database[K, T | None], key: K, default: None = None, /) -> T | None:
        ...

    @overload
    def setdefault(self, key: K, default: V, /) -> V:
        ...

    def setdefault(self, key: K, default: Any = None, /) -> Any:
        """The value of a key; a missing one is written first. All callers get the same value."""
        while True:
            value = self.get(key, _missing)
            if value is not _missing:
                return value
            try:
                self.set(key, default, if_absent=True)
                return default
            except Conflict:
                continue

    def update(self, other: Any = (), /, **items: Any) -> None:
        """Writes the entries of a mapping, or of pairs.

        Atomically, if a transaction can hold them (at most TXN_MAX entries, and a limit of bytes);
        else like set_many().
        """
        entries = dict(other, **items)
        if len(entries) <= _moddb.TXN_MAX:
            try:
                with self.transaction() as transaction:
                    for key, value in entries.items():
                        transaction.set(key, value)
                return
            except TooLarge:
                pass
        self.set_many(entries)

    def transaction(self) -> Transaction[K, V]:
        """Operations that are committed atomically, for a with statement."""
        return Transaction(self)


def _unpickle(
    name: str, codec: CodecName | Codec[Any] | None, transport: TransportName, timeout: float
) -> Database[Any, Any]:
    return Database(name, codec=codec, transport=transport, timeout=timeout)


@overload
def open(
    name: str = ...,
    *,
    codec: None = ...,
    transport: TransportName = ...,
    timeout: float = ...,
) -> Database[bytes, bytes]:
    ...


@overload
def open(
    name: str = ...,
    *,
    codec: Literal["utf-8"],
    transport: TransportName = ...,
    timeout: float = ...,
) -> Database[str, str]:
    ...


@overload
def open(
    name: str = ...,
    *,
    codec: Literal["json"],
    transport: TransportName = ...,
    timeout: float = ...,
) -> Database[str, Any]:
    ...


@overload
def open(
    name: str = ...,
    *,
    codec: Codec[V],
    transport: TransportName = ...,
    timeout: float = ...,
) -> Database[str, V]:
    ...


def open(
    name: str = "default",
    *,
    codec: CodecName | Codec[Any] | None = None,
    transport: TransportName = "auto",
    timeout: float = 10,
) -> Database[Any, Any]:
    """Opens a database: of bytes, or with a codec of str ("utf-8"), of JSON values ("json"), or of
    what a moddb.Codec makes of the bytes; with a codec, keys are str.

    transport: how to reach the kernel; "auto" is the fastest one, or that of the environment
    variable MODDB_TRANSPORT. timeout: seconds to wait for one reply of the kernel over netlink.

    ModuleMissing, NoSuchDatabase, AccessDenied; InvalidArgument (the name).
    """
    return Database(name, codec=codec, transport=transport, timeout=timeout)
