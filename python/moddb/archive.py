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
    """What save() wrote."""

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

    The databases are those of these names, or all that the caller may read; without entries and
    databases that belong to a session. The file is replaced in one step when the new one is complete
    and on the disk: it keeps its mode and, as far as the caller may set them, its owner and group. A
    new file can only be read by its owner. Each database is saved as of one revision.

    OSError if the file cannot be written; NoSuchDatabase, AccessDenied for one of the names: the
    old file is unchanged. If one of all databases could not be read for another reason than a
    missing right, the others are saved, and then its error is raised.
    """
    # Only here, since it loads the C++ runtime.
    from moddb import _archive

    if isinstance(names, str):
        raise TypeError("names is one name, and not several")
    number_of(transport)
    saved, inexact, omitted = _archive.save(
        os.fsencode(file), transport, None if names is None else list(names)
    )
    for _, error in omitted:
        if not isinstance(error, PermissionError):
            raise error
    return Saved(dict(saved), dict(inexact), dict(omitted))


def restore(file: Path, *, check: bool = False, transport: TransportName = "auto") -> list[str]:
    """Replaces databases by saved ones of the same names, at one instant, and returns the names.

    More than some thousands are replaced in parts. Other databases are not changed. Nothing is
    changed if something fails: OSError for a file that cannot be read, DamagedArchive for one that
    is not what save() wrote, to the last bit, and the errors of create() and replace(), as
    LimitReached: old and restored databases exist together for a moment. With check, the file is
    only read.
    """
    from moddb import _archive

    number_of(transport)
    return _archive.restore(os.fsencode(file), transport, check)
