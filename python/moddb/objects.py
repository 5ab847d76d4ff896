# SPDX-License-Identifier: MIT
"""Databases of Python objects, for the adapters of the frameworks' caches.

Such a cache has to hold any Python object, so it unpickles. Unpickling runs code that the writer of
the value chose; so open_objects() refuses a database that other users may write.
"""

from __future__ import annotations

import functools
import os
import pickle
import stat
from typing import Any

from moddb.codecs import JSON, Codec
from moddb.database import Database
from moddb.databases import DatabaseInfo, create
from moddb.errors import DatabaseExists, NoSuchDatabase


def _encode(value: Any) -> bytes:
    # The kernel counts with decimal numbers, so that incr() is atomic.
    if type(value) is int and -(1 << 63) <= value < 1 << 63:
        return b"%d" % value
    return pickle.dumps(value, pickle.HIGHEST_PROTOCOL)


def _decode(data: bytes) -> Any:
    # A pickle of protocol 2 and later begins with this byte.
    return pickle.loads(data) if data[:1] == b"\x80" else int(data)


OBJECTS: Codec[Any] = Codec(_encode, _decode)
"""Any Python object by pickle, and integers as decimal numbers."""

_codecs = {"pickle": OBJECTS, "json": JSON}


def require_trusted(info: DatabaseInfo) -> None:
    """Raises PermissionError if untrusted users may write the database."""
    if info.mode & stat.S_IWOTH:
        who = "every user"
    elif info.owner not in (0, os.geteuid()):
        who = f"user {info.owner}"
    else:
        return
    raise PermissionError(
        f"{who} may write the database {info.name!r}, and so choose what is unpickled: "
        f"use a database of your own (moddb.create()), or the serializer 'json'"
    )


@functools.cache
def _open(
    name: str, serializer: str | Codec[Any], max_bytes: int | None, max_keys: int | None
) -> Database[str, Any]:
    codec = _codecs.get(serializer) if isinstance(serializer, str) else serializer
    if codec is None:
        raise ValueError(f"no serializer {serializer!r}: there are {', '.join(_codecs)}")
    try:
        database = Database[str, Any](name, codec=codec)
    except NoSuchDatabase:
        limited = max_bytes is not None or max_keys is not None
        try:
            create(name, max_bytes=max_bytes, max_keys=max_keys, evict=limited or None)
        except DatabaseExists:
            pass
        database = Database[str, Any](name, codec=codec)
    if codec is OBJECTS:
        require_trusted(database.info())
    return database


def open_objects(
    name: str,
    serializer: str | Codec[Any] = "pickle",
    *,
    max_bytes: int | None = None,
    max_keys: int | None = None,
) -> Database[str, Any]:
    """A database of Python objects, the same for equal arguments in this process.

    A missing one is created, for this user alone; with limits, it evicts entries that were not read
    recently instead of refusing writes. serializer: "pickle", "json", or a moddb.Codec.
    PermissionError if values would be unpickled that other users may write.
    """
    return _open(name, serializer, max_bytes, max_keys)
