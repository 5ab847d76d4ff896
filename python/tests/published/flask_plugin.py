# SPDX-License-Identifier: MIT
"""Gives the tests of Flask-Caching moddb's cache instead of the one in the process."""

from __future__ import annotations

import flask_caching.backends
import pytest
from published import own_database

from moddb.cachelib import flask_cache


def simple(app: object, config: object, args: list[object], options: dict[str, object]) -> object:
    options.pop("threshold", None)
    return flask_cache(app, config, [], {"database": "flask", **options})


flask_caching.backends.simple = simple


@pytest.fixture(autouse=True)
def empty_database() -> None:
    own_database("flask")
