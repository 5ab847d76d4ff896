# SPDX-License-Identifier: MIT
"""Saving databases to a file and restoring them, as the commands moddb save and moddb restore do."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import NamedTuple, Union

from moddb.errors import Error
from moddb.transports import TransportName, number_of

Path = Union[str, bytes, "os.PathLike[str]", "os.PathLike[bytes]"]


class Saved(NamedTuple):
    """The result of save()."""

    revisions: dict[str, int]
    """The saved databases, and the revision as of which each was read."""
    inexact: dict[str, str]
    """Those that changed too fast to be read as of one revision, with the reason."""
    omitted: dict[str, Error]
    """The databases that the caller may not read."""


def save(
    file: Path, names: Iterable[str] | None = None, *, transport: TransportName = "auto"
) -> Saved:
    """Writes databases to a file that moddb.restore() and the command moddb restore read.

    The databases are those of these names, or all that the caller may read; entries and databases
    that belong to a session are not saved. The file is replaced atomically when the new one is
    complete and on the disk: it keeps its mode and, as far as the caller may set them, its owner
    and group. A new file can only be read by its owner. Each database is saved as of one revision.

    OSError if the file cannot be written; NoSuchDatabase or AccessDenied for one of the names: the
    old file is unchanged. Without names, a database that cannot be read for another reason than a
    missing right does not stop the others from being saved; then its error is raised.
    """
    # Imported only here, because it loads the C++ runtime.
    from moddb import _archive

    if isinstance(names, str):
        raise TypeError("names must be several names, not one string")
    number_of(transport)
    saved, inexact, omitted = _archive.save(
        os.fsencode(file), transport, None if names is None else list(names)
    )
    for _, error in omitted:
        if not isinstance(error, PermissionError):
            raise error
    return Saved(dict(saved), dict(inexact), dict(omitted))


def restore(file: Path, *, check: bool = False, transport: TransportName = "auto") -> list[str]:
    """Atomically replaces databases with saved ones of the same names, and returns the names.

    More than a few thousand databases are replaced in parts. Other databases are not changed. A
    failure changes nothing: OSError if the file cannot be read, DamagedArchive if it differs in any
    bit from what save() wrote, and the errors of create() and replace(), such as LimitReached: old
    and restored databases exist together for a moment. With check, the file is only read.
    """
    from moddb import _archive

    number_of(transport)
    return _archive.restore(os.fsencode(file), transport, check)
