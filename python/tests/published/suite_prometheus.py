# SPDX-License-Identifier: MIT
"""prometheus_client's tests of its multiprocess mode."""

from __future__ import annotations

from typing import Any

from published import own_database, use_tests_of

use_tests_of("python3-prometheus-client")

import tests.test_multiprocess as published  # noqa: E402

import moddb.prometheus  # noqa: E402


class TestModdb(published.TestMultiProcess):
    """All of them except those of its files."""

    test_initialization_detects_pid_change = None
    test_merge_no_accumulate = None
    test_missing_gauge_file_during_merge = None

    def setUp(self) -> None:
        name = own_database("prometheus")

        def value(identifier: Any) -> type:
            return moddb.prometheus.MultiProcessValue(name, identifier)

        published.MultiProcessValue = value
        published.MultiProcessCollector = lambda r: moddb.prometheus.MultiProcessCollector(r, name)
        published.mark_process_dead = lambda pid, *_: moddb.prometheus.mark_process_dead(pid, name)
        super().setUp()
