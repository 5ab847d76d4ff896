# SPDX-License-Identifier: MIT
"""Databases with their limits and rights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from moddb import _moddb


@dataclass(frozen=True)
class DatabaseInfo:
    """A database, its limits, and its counters since it was created.

    A user without the right to read sees no counts.
    """

    name: str
    owner: int
    group: int
    mode: int
    evict: bool
    """At a limit, drop entries that were not read recently, instead of failing."""
    shared: bool
    """Visible from every network namespace."""
    sealed: bool
    """Permanently read-only."""
    ephemeral: bool
    """Deleted with the session that created it."""
    max_bytes: int
    """The limit of memory for the entries; 0: no limit."""
    max_keys: int
    revision: int
    keys: int
    bytes: int
    kernel_hits: int
    """Reads that the kernel answered; those through the window are not counted."""
    kernel_misses: int
    sets: int
    deletes: int
    expiries: int
    evictions: int
    refusals: int
    overruns: int
    """Watches that were too slow."""
    window_bytes: int


def _any() -> _moddb.Store[bytes, bytes]:
    # Over netlink, where opening a database requires no right to it.
    return _moddb.Store("default", bytes, bytes, None, None, 1, 10000)


def databases() -> list[DatabaseInfo]:
    """All databases that the caller may see, in the order of their names."""
    return [DatabaseInfo(**info) for info in _any().database_list()]


def create(
    name: str,
    *,
    owner: int | None = None,
    group: int | None = None,
    mode: int | None = None,
    max_bytes: int | None = None,
    max_keys: int | None = None,
    evict: bool | None = None,
    shared: bool | None = None,
) -> None:
    """Creates a database, for the caller alone unless mode allows more; see DatabaseInfo.

    DatabaseExists, LimitReached, InvalidArgument; NotPermitted (owner, group, shared).
    """
    _any().database_create(
        name,
        owner=owner,
        group=group,
        mode=mode,
        max_bytes=max_bytes,
        max_keys=max_keys,
        evict=evict,
        shared=shared,
    )


def delete(name: str) -> None:
    """Deletes a database with all its entries. NoSuchDatabase; NotPermitted if not the owner."""
    _any().database_delete(name)


def replace(replacements: dict[str, str]) -> None:
    """Replaces databases with others, atomically: {name: source}.

    Each source takes over the name, and the database that had it is deleted. A failure changes
    nothing.
    """
    _any().database_replace(replacements)


def info_of(store: _moddb.Store[Any, Any]) -> DatabaseInfo:
    """The information about an open database."""
    return DatabaseInfo(**store.database_info(None))
