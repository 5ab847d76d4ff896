# SPDX-License-Identifier: MIT
"""The exceptions of moddb: a class for each errno of the C interface, with the kernel's message.

A missing key is Python's own KeyError, as with a dict. If Python has a class for the same error
(PermissionError, TimeoutError, ValueError), the class here is derived from it, too.
"""

from __future__ import annotations

import errno
from typing import Any


class Error(OSError):
    """A call failed; nothing was changed unless the class says otherwise.

    Attributes: errno, strerror (the kernel's message, or the library's), and key, the key of the
    operation, or None.
    """

    key: Any

    def __init__(self, number: int, message: str, key: Any = None) -> None:
        super().__init__(number, message)
        self.key = key

    def __str__(self) -> str:
        return self.strerror if self.key is None else f"{self.key!r}: {self.strerror}"

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errno, self.strerror, self.key)


class InvalidArgument(Error, ValueError):
    """An argument is wrong; the message names it (EINVAL)."""


class TooLarge(Error, ValueError):
    """A key, a value or a transaction is too long (EMSGSIZE, E2BIG)."""


class NoSuchDatabase(Error):
    """There is no database of this name (ENXIO)."""


class DatabaseExists(Error):
    """There is a database of this name already (EEXIST)."""


class Stale(Error):
    """The watch has ended: the database was deleted or replaced, or the right was lost (ESTALE)."""


class Forked(Stale):
    """The parent process held ephemeral entries through this object, which the child does not own.

    Database.reopen() makes the object usable in the child, without them.
    """


class Conflict(Error):
    """The condition of a write failed (ECANCELED).

    Attributes: version, that of the existing entry (0: there is none); value, that of the existing
    entry, or None if it is not known: there is no entry, it is long, or the caller may not read it.
    """

    version: int
    value: Any

    def __init__(
        self, number: int, message: str, key: Any = None, version: int = 0, value: Any = None
    ) -> None:
        super().__init__(number, message, key)
        self.version = version
        self.value = value

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.errno, self.strerror, self.key, self.version, self.value)


class AccessDenied(Error, PermissionError):
    """No right to read, or to write, this database (EACCES)."""


class NotPermitted(Error, PermissionError):
    """Only the owner or an administrator may do this (EPERM)."""


class Sealed(Error):
    """The database is sealed (EROFS)."""


class LimitReached(Error):
    """A limit is reached; the message names it (EDQUOT)."""


class NotANumber(Error, ValueError):
    """The value of a counter is not a number (EBADMSG)."""


class OutOfRange(Error, ValueError):
    """A counter would leave its bounds, or 64 bits (ERANGE)."""


class ModuleMissing(Error):
    """The kernel module is not loaded; the message says how to load it (ENODEV)."""


class NotSupported(Error):
    """This module, or this transport, cannot do this (EOPNOTSUPP)."""


class NoAnswer(Error, TimeoutError):
    """The kernel did not answer in time; whether a write happened is not known (ETIMEDOUT)."""


class ListingInterrupted(Error):
    """A listing was interrupted too often by changes of the database (EAGAIN)."""


class HistoryLost(Error):
    """A watch cannot begin at so early a revision: list the changes since then (ENODATA)."""


class DamagedArchive(Error, ValueError):
    """A file differs in some bit from what save() wrote; the message has the position.

    Its errno is EBADMSG.
    """


class Overrun(Error):
    """A watch was too slow, and has ended: changes were lost.

    Attribute: revision, up to which all changes were reported. Database.listing(since=revision)
    returns the entries that were written later; deleted ones are missing from a full listing.
    """

    revision: int

    def __init__(self, revision: int) -> None:
        super().__init__(
            errno.ENOBUFS, f"the watch was too slow: changes after {revision} are lost"
        )
        self.revision = revision

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.revision,)


_classes: dict[int, type[Error]] = {
    errno.EINVAL: InvalidArgument,
    errno.EMSGSIZE: TooLarge,
    errno.E2BIG: TooLarge,
    errno.ENXIO: NoSuchDatabase,
    errno.EEXIST: DatabaseExists,
    errno.ESTALE: Stale,
    errno.EACCES: AccessDenied,
    errno.EPERM: NotPermitted,
    errno.EROFS: Sealed,
    errno.EDQUOT: LimitReached,
    errno.EBADMSG: NotANumber,
    errno.ERANGE: OutOfRange,
    errno.ENODEV: ModuleMissing,
    errno.EOPNOTSUPP: NotSupported,
    errno.ETIMEDOUT: NoAnswer,
    errno.EAGAIN: ListingInterrupted,
    errno.ENODATA: HistoryLost,
}


def from_errno(
    number: int, message: str, key: Any = None, version: int = 0, value: Any = None
) -> Error:
    """The exception for a failure of the C interface."""
    if number == errno.ECANCELED:
        return Conflict(number, message, key, version, value)
    return _classes.get(number, Error)(number, message, key)
