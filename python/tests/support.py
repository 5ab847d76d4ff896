# SPDX-License-Identifier: MIT
"""Helpers of the tests: an empty database for each, child processes, waiting."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import traceback
import unittest
from typing import Any, Callable

import moddb

SECONDS = 60
"""How long to wait for a condition; guests that check their memory are slow."""


class Case(unittest.TestCase):
    """A test that begins with an empty database 'default' and nothing else."""

    def setUp(self) -> None:
        with moddb.open() as database:
            database.clear()
        self.addCleanup(lambda: moddb.open().clear())

    def open(self, **options: Any) -> moddb.Database[Any, Any]:
        """A database that is closed at the end of the test."""
        database: moddb.Database[Any, Any] = moddb.open(**options)
        self.addCleanup(database.close)
        return database


def command(*words: str) -> str:
    """The output of the command moddb."""
    return subprocess.run(["moddb", *words], check=True, capture_output=True, text=True).stdout


def sessions() -> int:
    """How many sessions the module has, besides that of the command that counts them."""
    stat = json.loads(command("--json", "stat"))
    count: int = stat["module"]["sessions"]
    return count


def until(condition: Callable[[], bool], what: str) -> None:
    """Waits for a condition."""
    end = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > end:
            raise AssertionError(f"not within {SECONDS} s: {what}")
        time.sleep(0.01)


def fork(function: Callable[[], None]) -> int:
    """Runs a function in a forked child, and returns the child's pid."""
    child = os.fork()
    if child == 0:
        try:
            function()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            sys.stderr.flush()
            os._exit(1)
    return child


def in_children(count: int, function: Callable[[], None]) -> None:
    """Runs a function in several children at once, and fails if it raises something there."""
    statuses = [os.waitpid(child, 0)[1] for child in [fork(function) for _ in range(count)]]
    if any(statuses):
        raise AssertionError(f"the children ended with status {statuses}")


def in_child(function: Callable[[], None]) -> None:
    """Runs a function in a forked child, and fails if it raises something there."""
    in_children(1, function)


def count_up(database: moddb.Database[str, str], times: int) -> None:
    """Counts in the database. It is here because child processes must be able to import it."""
    for _ in range(times):
        database.incr("n")
