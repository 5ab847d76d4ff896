# SPDX-License-Identifier: MIT
"""The base of the tests of the adapters."""

from __future__ import annotations

import unittest
from typing import Any

import moddb
from moddb import objects


class Case(unittest.TestCase):
    """A test with databases of its own."""

    def setUp(self) -> None:
        # Databases of the same names follow each other here.
        self.addCleanup(objects._open.cache_clear)

    def database(self, name: str, **settings: Any) -> str:
        """Creates a database that is deleted at the end of the test."""
        moddb.create(name, **settings)
        self.addCleanup(moddb.delete, name)
        return name
