# SPDX-License-Identifier: MIT
"""An entry: its value, version, time to live and writer."""

from __future__ import annotations

from typing import Generic, NamedTuple, TypeVar

V = TypeVar("V")


class Entry(NamedTuple, Generic[V]):
    """A value, its version, its time to live, and its last write."""

    value: V
    version: int
    """The revision of the database that wrote the entry."""
    ttl: float | None
    """Seconds until the entry expires; None: it does not."""
    time: float
    """When it was last written, in seconds since 1970, like time.time()."""
    uid: int
    """The user who last wrote it."""
    pid: int
    """The process that last wrote it; 0 if it cannot be seen from here."""
    ephemeral: bool
    """It belongs to a session, and is deleted with it."""
