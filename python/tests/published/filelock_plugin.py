# SPDX-License-Identifier: MIT
"""Gives the tests of filelock moddb's lock instead of the one of files."""

from __future__ import annotations

import filelock

from moddb.filelock import FileLock

filelock.FileLock = FileLock
