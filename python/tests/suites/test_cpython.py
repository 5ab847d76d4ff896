# SPDX-License-Identifier: MIT
"""CPython's own tests of mappings, on databases of this machine."""

from __future__ import annotations

import itertools
from typing import Any

from test import mapping_tests

import moddb

numbers = itertools.count()


def new_mapping(items: Any = ()) -> moddb.Database[Any, Any]:
    """A mapping with a database of its own: the tests compare several."""
    name = f"mapping-{next(numbers)}"
    moddb.create(name)
    # The tests have tuples as values, which JSON does not have.
    database = moddb.Database[Any, Any](name, codec=moddb.PICKLE)
    database.update(items)
    return database


class Mapping(mapping_tests.BasicTestMappingProtocol):
    """All of them."""

    type2test = staticmethod(new_mapping)

    def tearDown(self) -> None:
        for info in moddb.databases():
            if info.name.startswith("mapping-"):
                moddb.delete(info.name)
