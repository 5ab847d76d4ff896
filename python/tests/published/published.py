# SPDX-License-Identifier: MIT
"""Finds the tests that the frameworks publish, in the sources that tools/vm --source unpacks."""

from __future__ import annotations

import os
import sys

import pytest

import moddb

PUBLISHED = "/opt/moddb/published"


def use_tests_of(package: str, directory: str = "") -> str:
    """Makes the tests of a source package importable; skips the calling module without it."""
    path = os.path.join(PUBLISHED, package, directory)
    if not os.path.isdir(path):
        pytest.skip(f"there is no source package {package}", allow_module_level=True)
    sys.path.insert(0, path)
    return path


def own_database(name: str) -> str:
    """A new database, which only this user may write."""
    if any(info.name == name for info in moddb.databases()):
        moddb.delete(name)
    moddb.create(name)
    return name
