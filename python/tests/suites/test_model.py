# SPDX-License-Identifier: MIT
"""Random operations through several sessions, transports and processes, compared with a dict."""

from __future__ import annotations

import os
import re
import tempfile
from typing import Any, Callable

import hypothesis
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

import moddb

# Few keys, so that operations meet; values of lengths that take different paths.
keys = st.sampled_from([b"a", b"b", b"c\0", b"\xff", b"long" * 256])
values = st.one_of(
    st.binary(max_size=20), st.sampled_from([b"", bytes(600), bytes(5000), bytes(31000)])
)
small = st.binary(max_size=20)
which = st.integers(0, 2)


class Model(RuleBasedStateMachine):
    """The database and the dict have the same entries after each step."""

    @initialize()
    def begin(self) -> None:
        self.model: dict[bytes, bytes] = {}
        moddb.create("model")
        self.databases = [
            moddb.open("model"),
            moddb.open("model", transport="netlink"),
            moddb.open("model", transport="device"),
        ]

    def teardown(self) -> None:
        for database in self.databases:
            database.close()
        moddb.delete("model")

    def same(self, expected: Callable[[Any], Any], which: int) -> None:
        """The same call on both: the same result, or the same exception."""
        results: list[Any] = []
        for mapping in (self.model, self.databases[which]):
            try:
                results.append(expected(mapping))
            except (KeyError, moddb.Conflict) as error:
                results.append(type(error))
        assert results[0] == results[1], results

    @rule(which=which, key=keys, value=values)
    def write(self, which: int, key: bytes, value: bytes) -> None:
        self.same(lambda mapping: mapping.__setitem__(key, value), which)

    @rule(which=which, key=keys)
    def delete(self, which: int, key: bytes) -> None:
        self.same(lambda mapping: mapping.__delitem__(key), which)

    @rule(which=which, key=keys)
    def read(self, which: int, key: bytes) -> None:
        self.same(lambda mapping: mapping[key], which)
        self.same(lambda mapping: (mapping.get(key), key in mapping, len(mapping)), which)

    @rule(which=which, key=keys)
    def pop(self, which: int, key: bytes) -> None:
        self.same(lambda mapping: mapping.pop(key), which)

    @rule(which=which, key=keys, value=values)
    def setdefault(self, which: int, key: bytes, value: bytes) -> None:
        self.same(lambda mapping: mapping.setdefault(key, value), which)

    @rule(which=which, items=st.dictionaries(keys, values))
    def update(self, which: int, items: dict[bytes, bytes]) -> None:
        self.same(lambda mapping: mapping.update(items), which)

    @rule(which=which, items=st.dictionaries(keys, values))
    def set_many(self, which: int, items: dict[bytes, bytes]) -> None:
        self.databases[which].set_many(items)
        self.model.update(items)

    @rule(which=which)
    def clear(self, which: int) -> None:
        self.same(lambda mapping: mapping.clear(), which)

    @rule(which=which, key=keys, value=values)
    def swap(self, which: int, key: bytes, value: bytes) -> None:
        assert self.databases[which].swap(key, value) == self.model.get(key)
        self.model[key] = value

    @rule(which=which, key=keys)
    def take(self, which: int, key: bytes) -> None:
        assert self.databases[which].pop(key, None) == self.model.pop(key, None)

    @rule(which=which, key=keys, delta=st.integers(-5, 5))
    def incr(self, which: int, key: bytes, delta: int) -> None:
        try:
            number = self.databases[which].incr(key, delta)
        except moddb.NotANumber:
            assert not re.fullmatch(rb"0|-?[1-9][0-9]{0,17}", self.model[key])
        else:
            assert number == int(self.model.get(key, b"0")) + delta
            self.model[key] = b"%d" % number

    @rule(which=which, saved_by=which)
    def save_and_restore(self, which: int, saved_by: int) -> None:
        with tempfile.TemporaryDirectory() as directory:
            self.databases[saved_by].save(directory + "/saved")
            self.databases[which].clear()
            assert moddb.restore(directory + "/saved") == ["model"]

    @rule(which=which, key=keys, value=small, wanted=small)
    def conditional(self, which: int, key: bytes, value: bytes, wanted: bytes) -> None:
        try:
            self.databases[which].set(key, value, if_value=wanted)
            assert self.model.get(key) == wanted
            self.model[key] = value
        except moddb.Conflict:
            assert self.model.get(key) != wanted

    @rule(which=which, guard=keys, items=st.dictionaries(keys, small, min_size=1))
    def transaction(self, which: int, guard: bytes, items: dict[bytes, bytes]) -> None:
        try:
            with self.databases[which].transaction() as transaction:
                transaction.check(guard, if_present=True)
                old = transaction.get(guard)
                for key, value in items.items():
                    transaction.set(key, value)
        except moddb.Conflict:
            assert guard not in self.model
        except moddb.TooLarge:
            # All values that a transaction reads over netlink must fit into one message.
            assert len(self.model[guard]) > 30000
        else:
            assert old.result is not None and old.result.value == self.model[guard]
            self.model.update(items)

    @rule(which=which, key=keys, value=values)
    def child(self, which: int, key: bytes, value: bytes) -> None:
        child = os.fork()
        if child == 0:
            same = self.databases[which].get(key) == self.model.get(key)
            self.databases[which][key] = value
            os._exit(0 if same else 1)
        assert os.waitpid(child, 0)[1] == 0
        self.model[key] = value

    @invariant()
    def has_the_same_entries(self) -> None:
        for database in getattr(self, "databases", []):
            assert dict(database.items()) == self.model
            assert database.get_many(self.model) == self.model
            assert {k: e.value for k, e in database.snapshot().entries.items()} == self.model


Model.TestCase.settings = hypothesis.settings(
    max_examples=int(os.environ.get("EXAMPLES", "25")),
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
TestModel = Model.TestCase
