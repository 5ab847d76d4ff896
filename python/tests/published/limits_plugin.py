# SPDX-License-Identifier: MIT
"""Gives the tests of the package limits one storage: moddb's."""

from __future__ import annotations

import pytest
from published import own_database

import moddb.limits  # noqa: F401


# After the plugin whose function the module uses has added it to pytest.
@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    import tests.utils as utils

    storage = pytest.mark.parametrize("uri, args, fixture", [("moddb://limits", {}, None)])
    utils.all_storage = storage
    utils.moving_window_storage = storage


@pytest.fixture(autouse=True)
def empty_database() -> None:
    own_database("limits")
