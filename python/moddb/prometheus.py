# SPDX-License-Identifier: MIT
"""Metrics of prometheus_client that all processes of a service share, without files.

    import moddb.prometheus
    moddb.prometheus.use("metrics")       # before the first metric is made

    registry = CollectorRegistry()
    moddb.prometheus.MultiProcessCollector(registry, "metrics")

Counters, summaries and histograms have one entry for all processes, so the counts of workers that
have ended stay, without more memory for each worker. A gauge has one for each process; those of the
modes that begin with "live" are deleted with their process. A worker needs no call at its end.

Use a database that only the service may write. Keys have at most 1024 bytes: metric and labels.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterable
from typing import Any, Callable

import moddb
import prometheus_client.values
from moddb.database import Database
from prometheus_client.metrics_core import Metric
from prometheus_client.multiprocess import MultiProcessCollector as Published

Values = Database[str, str]


def _key(prefix: str, *parts: Any) -> str:
    """The key of a number: type, mode of a gauge, metric, name, labels, process of a gauge."""
    return prefix + "value/" + json.dumps(parts, ensure_ascii=False, separators=(",", ":"))


def _numbers(database: Values, prefix: str) -> Iterable[tuple[str, list[Any], str]]:
    """All numbers: the key, its parts, and the number's text."""
    prefix += "value/"
    for key, text in database.list_items(prefix):
        yield key, json.loads(key[len(prefix) :]), text


def _help_key(prefix: str, metric_name: str) -> str:
    return f"{prefix}help/{metric_name}"


def _is_exact(number: float) -> bool:
    """Whether it is an integer that a float holds exactly."""
    return abs(number) < 1 << 53 and float(number).is_integer()


def _add(database: Values, key: str, amount: float) -> None:
    """Adds to a number stored as text: the kernel adds integers, this function all others."""
    if _is_exact(amount):
        try:
            database.incr(key, int(amount))
            return
        except (moddb.NotANumber, moddb.OutOfRange):
            pass
    text = database.get(key)
    while True:
        condition: dict[str, Any] = {"if_absent": True} if text is None else {"if_value": text}
        total = float(text or 0) + amount
        try:
            database.set(key, repr(int(total) if _is_exact(total) else total), **condition)
            return
        except moddb.Conflict as conflict:
            text = conflict.value


def MultiProcessValue(
    database: str,
    process_identifier: Callable[[], Any] = os.getpid,
    *,
    prefix: str = "prometheus/",
) -> type:
    """Makes a class for ValueClass, like the function of this name in prometheus_client.values.

    process_identifier must return distinct values in processes that run at the same time.
    """
    values: Values = moddb.open(database, codec="utf-8")
    # Protects the following variables, and the numbers of all values.
    lock = threading.Lock()
    process = process_identifier()
    made: list[Any] = []

    class Value:
        """A number of one process, which is part of the number of all processes."""

        _multiprocess = True

        def __init__(
            self,
            typ: str,
            metric_name: str,
            name: str,
            labelnames: Iterable[str],
            labelvalues: Iterable[str],
            help_text: str,
            multiprocess_mode: str = "",
            **_: Any,
        ) -> None:
            labels = dict(sorted(zip(labelnames, labelvalues)))
            self._mode = multiprocess_mode if typ == "gauge" else ""
            self._parts = (typ, self._mode, metric_name, name, labels)
            with lock:
                check_process()
                values.set(_help_key(prefix, metric_name), help_text)
                made.append(self)
                self._begin()

        def _begin(self) -> None:
            """Starts at 0 in a process that has counted nothing yet."""
            self._value, self._time = 0.0, 0.0
            self._key = _key(prefix, *self._parts, str(process) if self._mode else "")
            if self._mode:
                self._write()
            else:
                _add(values, self._key, 0)

        def _write(self) -> None:
            # A mode that shows the latest value also stores its time.
            text = f"{self._value!r} {self._time!r}" if self._time else repr(self._value)
            values.set(self._key, text, ephemeral=self._mode.startswith("live"))

        def inc(self, amount: float) -> None:
            """Adds to it."""
            with lock:
                check_process()
                self._value += amount
                if self._mode:
                    self._write()
                else:
                    _add(values, self._key, amount)

        def set(self, value: float, timestamp: float | None = None) -> None:
            """Sets it; only gauges are set."""
            with lock:
                check_process()
                difference, self._value = value - self._value, float(value)
                self._time = timestamp or 0.0
                if self._mode:
                    self._write()
                else:
                    _add(values, self._key, difference)

        def get(self) -> float:
            """The part of this process."""
            with lock:
                check_process()
                return self._value

        def set_exemplar(self, exemplar: Any) -> None:
            """Exemplars are not kept, as in the package's own multiprocess mode."""

        def get_exemplar(self) -> None:
            """None."""

    def check_process() -> None:
        """A forked process begins with values of its own."""
        nonlocal process
        actual = process_identifier()
        if process == actual:
            return
        process = actual
        if any(value._mode.startswith("live") for value in made):
            values.reopen()
        for value in made:
            value._begin()

    return Value


def use(database: str, *, prefix: str = "prometheus/") -> None:
    """Shares all metrics that are made from now on through this database."""
    prometheus_client.values.ValueClass = MultiProcessValue(database, prefix=prefix)


def mark_process_dead(pid: Any, database: str, *, prefix: str = "prometheus/") -> None:
    """Deletes the live gauges of a process; the kernel does so when a process ends."""
    values: Values = moddb.open(database, codec="utf-8")
    for key, (_, mode, *_, process), _ in _numbers(values, prefix):
        if mode.startswith("live") and process == str(pid):
            values.pop(key, None)


class MultiProcessCollector:
    """Collects what all processes have counted, for a registry."""

    def __init__(self, registry: Any, database: str, *, prefix: str = "prometheus/") -> None:
        self._database: Values = moddb.open(database, codec="utf-8")
        self._prefix = prefix
        if registry:
            registry.register(self)

    def _read(self) -> dict[str, Metric]:
        metrics: dict[str, Metric] = {}
        for _, parts, text in _numbers(self._database, self._prefix):
            kind, mode, metric_name, name, labels, process = parts
            metric = metrics.get(metric_name)
            if metric is None:
                help_text = self._database.get(_help_key(self._prefix, metric_name), "")
                metric = metrics[metric_name] = Metric(metric_name, help_text, kind)
            pairs = tuple(sorted(labels.items()))
            if mode:
                metric._multiprocess_mode = mode
                pairs += (("pid", process),)
            number, _, moment = text.partition(" ")
            metric.add_sample(name, pairs, float(number), float(moment or 0))
        return metrics

    def collect(self) -> Iterable[Metric]:
        """All metrics; the registry calls this."""
        metrics: Iterable[Metric] = Published._accumulate_metrics(self._read(), accumulate=True)
        return metrics
