# SPDX-License-Identifier: MIT
"""The views that keys(), values() and items() return.

Each iteration is one listing, read whole when it begins: the database may change meanwhile.
"""

from __future__ import annotations

from collections.abc import ItemsView, Iterator, ValuesView
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from moddb.database import Database

K = TypeVar("K")
V = TypeVar("V")


class Values(ValuesView[V]):
    """The values of a database."""

    _mapping: Database[str, V] | Database[bytes, V]

    def __iter__(self) -> Iterator[V]:
        return (value for _, value in self._mapping.list_items())

    def __contains__(self, value: object) -> bool:
        return any(found == value for found in self)


class Items(ItemsView[K, V]):
    """The keys of a database with their values."""

    _mapping: Database[K, V]

    def __iter__(self) -> Iterator[tuple[K, V]]:
        return iter(self._mapping.list_items())
