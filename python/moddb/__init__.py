# SPDX-License-Identifier: MIT
"""A key-value store in the Linux kernel, shared by all processes of the machine.

    import moddb

    flags = moddb.open(codec="utf-8")
    flags["lamp"] = "on"
    flags.incr("visitors")

See open() and Database; docs/python.md is the tutorial.
"""

import os

from moddb import _moddb
from moddb.archive import Saved, restore, save
from moddb.codecs import JSON, PICKLE, Codec
from moddb.database import Database, Listing, open
from moddb.databases import DatabaseInfo, create, databases, delete, replace
from moddb.entry import Entry
from moddb.errors import (
    AccessDenied,
    Conflict,
    DamagedArchive,
    DatabaseExists,
    Error,
    Forked,
    HistoryLost,
    InvalidArgument,
    LimitReached,
    ListingInterrupted,
    ModuleMissing,
    NoAnswer,
    NoSuchDatabase,
    NotANumber,
    NotPermitted,
    NotSupported,
    OutOfRange,
    Overrun,
    Sealed,
    Stale,
    TooLarge,
)
from moddb.lock import Lock
from moddb.transaction import Pending, Transaction
from moddb.watch import Event, Watch

__all__ = [
    "AccessDenied",
    "Codec",
    "Conflict",
    "DamagedArchive",
    "Database",
    "DatabaseExists",
    "DatabaseInfo",
    "Entry",
    "Error",
    "Event",
    "Forked",
    "HistoryLost",
    "InvalidArgument",
    "JSON",
    "LimitReached",
    "Listing",
    "ListingInterrupted",
    "Lock",
    "ModuleMissing",
    "NoAnswer",
    "NoSuchDatabase",
    "NotANumber",
    "NotPermitted",
    "NotSupported",
    "OutOfRange",
    "Overrun",
    "PICKLE",
    "Pending",
    "Saved",
    "Sealed",
    "Stale",
    "TooLarge",
    "Transaction",
    "Watch",
    "create",
    "databases",
    "delete",
    "open",
    "replace",
    "restore",
    "save",
]

__version__: str = _moddb.library_version()

# A child must not keep the parent's sessions, and with them its locks, alive.
os.register_at_fork(after_in_child=_moddb.forget_parent)
