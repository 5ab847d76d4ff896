# SPDX-License-Identifier: MIT
"""Metrics of several processes, some of which are killed."""

from __future__ import annotations

import os
import signal

import moddb
import moddb.prometheus
from adapter_case import Case
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, values
from support import fork, in_children


class Prometheus(Case):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(setattr, values, "ValueClass", values.ValueClass)
        self.database("metrics")
        moddb.prometheus.use("metrics")
        self.registry = CollectorRegistry()
        moddb.prometheus.MultiProcessCollector(self.registry, "metrics")

    def sample(self, name: str, **labels: str) -> float | None:
        value: float | None = self.registry.get_sample_value(name, labels)
        return value

    def test_counters_stay_and_take_no_room(self) -> None:
        counter = Counter("c", "what it counts", ["kind"], registry=None)
        histogram = Histogram("h", "how long", registry=None)

        def work() -> None:
            for _ in range(50):
                counter.labels("a").inc()
                counter.labels("b").inc(0.25)
                histogram.observe(0.5)

        in_children(3, work)
        entries = len(moddb.open("metrics"))
        in_children(3, work)
        # Workers that have ended leave what they counted, and nothing else.
        self.assertEqual(len(moddb.open("metrics")), entries)
        self.assertEqual(self.sample("c_total", kind="a"), 300)
        self.assertEqual(self.sample("c_total", kind="b"), 75)
        self.assertEqual(self.sample("h_sum"), 150)
        self.assertEqual(self.sample("h_count"), 300)
        self.assertEqual(self.sample("h_bucket", le="0.5"), 300)
        self.assertEqual(self.sample("h_bucket", le="0.25"), 0)
        documentation = {metric.name: metric.documentation for metric in self.registry.collect()}
        self.assertEqual(documentation, {"c": "what it counts", "h": "how long"})

    def test_numbers_that_are_no_integers_of_64_bits(self) -> None:
        counter = Counter("c", "help", registry=None)
        total = 0.0
        for amount in (1e300, 0.1, 2**60, 1, 1e18, 5e-324):
            counter.inc(amount)
            total += amount
            self.assertEqual(self.sample("c_total"), total)
        other = Counter("d", "help", registry=None)
        for amount in (0.1, 0.2, 0.3):
            other.inc(amount)
        self.assertEqual(self.sample("d_total"), 0.1 + 0.2 + 0.3)
        other.inc(float("inf"))
        self.assertEqual(self.sample("d_total"), float("inf"))

    def test_live_gauges_end_with_their_process(self) -> None:
        live = Gauge("live", "help", registry=None, multiprocess_mode="livesum")
        each = Gauge("each", "help", registry=None)
        live.inc(1)
        reader, writer = os.pipe()

        def work() -> None:
            live.set(10)
            each.set(5)
            os.write(writer, b"x")
            signal.pause()

        pid = fork(work)
        os.read(reader, 1)
        self.assertEqual(self.sample("live"), 11)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.assertEqual(self.sample("live"), 1)
        self.assertEqual(self.sample("each", pid=str(pid)), 5)
        moddb.prometheus.mark_process_dead(os.getpid(), "metrics")
        self.assertIsNone(self.sample("live"))
