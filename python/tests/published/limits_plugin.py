# SPDX-License-Identifier: MIT
"""Gives the tests of the package limits one storage: moddb's."""

from __future__ import annotations

import sys
import warnings
from types import ModuleType
from typing import Any

import pytest
from published import own_database

import moddb.limits  # noqa: F401


# After the plugin whose function the module uses has added it to pytest.
@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    if "pytest_lazy_fixtures" not in sys.modules:
        # Bookworm has it under another name; it is for the servers of the other storages.
        lazy: Any = ModuleType("pytest_lazy_fixtures")
        lazy.lf = str
        sys.modules["pytest_lazy_fixtures"] = lazy
    with warnings.catch_warnings():
        # Ignore warnings about marks that their own settings declare.
        warnings.simplefilter("ignore")
        import tests.utils as utils

    storage = pytest.mark.parametrize("uri, args, fixture", [("moddb://limits", {}, None)])
    utils.all_storage = storage
    utils.moving_window_storage = storage
    # Since 4.1.
    utils.sliding_window_counter_storage = storage


@pytest.fixture(autouse=True)
def empty_database() -> None:
    own_database("limits")
