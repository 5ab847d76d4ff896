# SPDX-License-Identifier: MIT
"""Writes with conditions, counters, time to live, transactions, and their errors."""

from __future__ import annotations

import copy
import errno
import os
import pickle
import time
from typing import Any

import moddb
from support import Case, command, until


class Conditions(Case):
    def test_set(self) -> None:
        database = self.open(codec="utf-8")
        version = database.set("k", "1", if_absent=True)
        with self.assertRaises(moddb.Conflict) as raised:
            database.set("k", "2", if_absent=True)
        conflict = raised.exception
        self.assertEqual((conflict.key, conflict.version, conflict.value), ("k", version, "1"))
        self.assertEqual(conflict.errno, errno.ECANCELED)
        self.assertIn("condition does not hold", str(conflict))
        version = database.set("k", "2", if_version=version)
        version = database.set("k", "3", if_value="2")
        version = database.set("k", "4", if_present=True)
        conditions: list[dict[str, Any]] = [
            {"if_version": version - 1},
            {"if_value": "3"},
            {"if_value": ""},
        ]
        for condition in conditions:
            with self.assertRaises(moddb.Conflict) as raised:
                database.set("k", "5", **condition)
            self.assertEqual(raised.exception.value, "4")
        with self.assertRaises(moddb.Conflict) as raised:
            database.set("nothing", "1", if_present=True)
        self.assertEqual((raised.exception.version, raised.exception.value), (0, None))
        with self.assertRaisesRegex(ValueError, "at most one condition"):
            database.set("k", "1", if_absent=True, if_value="1")
        self.assertEqual(database["k"], "4")

    def test_delete(self) -> None:
        database = self.open()
        version = database.set(b"k", b"v")
        conditions: list[dict[str, Any]] = [{"if_version": version + 1}, {"if_value": b"w"}]
        for condition in conditions:
            with self.assertRaises(moddb.Conflict):
                database.delete(b"k", **condition)
        self.assertGreater(database.delete(b"k", if_version=version), version)
        with self.assertRaises(KeyError):
            database.delete(b"k")
        with self.assertRaises(moddb.Conflict):
            database.delete(b"k", if_version=version)

    def test_entry(self) -> None:
        database = self.open()
        before = time.time()
        version = database.set(b"k", b"v", ttl=100)
        entry = database.entry(b"k")
        self.assertEqual((entry.value, entry.version), (b"v", version))
        self.assertEqual((entry.uid, entry.pid, entry.ephemeral), (0, os.getpid(), False))
        assert entry.ttl is not None
        self.assertTrue(0 < entry.ttl <= 100)
        self.assertAlmostEqual(entry.time, before, delta=60)
        database[b"k"] = b"w"
        self.assertIsNone(database.entry(b"k").ttl)
        with self.assertRaises(KeyError):
            database.entry(b"nothing")

    def test_ttl(self) -> None:
        database = self.open()
        database.set(b"k", b"v", ttl=0.001)
        until(lambda: b"k" not in database, "the end of an entry")
        database[b"k"] = b"v"
        database.touch(b"k", 100)
        self.assertIsNotNone(database.entry(b"k").ttl)
        database.touch(b"k")
        self.assertIsNone(database.entry(b"k").ttl)
        with self.assertRaises(KeyError):
            database.touch(b"nothing", 1)
        with self.assertRaises(moddb.Conflict):
            database.touch(b"k", 1, if_value=b"w")
        for wrong in (0, -1, float("nan"), float("inf"), 1e300):
            with self.assertRaises(ValueError):
                database.set(b"k", b"v", ttl=wrong)
        # Longer than the kernel accepts.
        with self.assertRaises(moddb.InvalidArgument):
            database.set(b"k", b"v", ttl=1e10)
        database.set_many({b"a": b"1"}, ttl=100)
        self.assertIsNotNone(database.entry(b"a").ttl)

    def test_swap_and_take(self) -> None:
        database = self.open()
        self.assertIsNone(database.swap(b"k", b"1"))
        self.assertEqual(database.swap(b"k", b"2", ttl=100, if_value=b"1"), b"1")
        self.assertIsNotNone(database.entry(b"k").ttl)
        with self.assertRaises(moddb.Conflict) as raised:
            database.swap(b"k", b"3", if_absent=True)
        self.assertEqual(raised.exception.value, b"2")
        with self.assertRaises(moddb.Conflict) as raised:
            database.take(b"k", if_value=b"1")
        self.assertEqual(raised.exception.value, b"2")
        self.assertEqual(database.take(b"k"), b"2")
        with self.assertRaises(KeyError):
            database.take(b"k")
        # The lengths take different paths.
        for length in (0, 1, 4096, 4097, 30720, 30721, 1 << 20):
            value = os.urandom(length)
            database[b"k"] = value
            self.assertEqual(database.swap(b"k", b"x"), value)
            database[b"k"] = value
            self.assertEqual(database.take(b"k"), value)
        with self.assertRaises(moddb.TooLarge):
            database.swap(b"k" * 1025, b"v")
        with self.assertRaises(moddb.TooLarge):
            database.take(b"k" * 1025)

    def test_delete_prefix(self) -> None:
        database = self.open()
        database.set_many({b"a/%d" % number: b"v" for number in range(300)} | {b"b": b"v"})
        self.assertEqual(database.delete_prefix(b"a/"), 300)
        self.assertEqual(database.delete_prefix(b"a/"), 0)
        self.assertEqual(list(database), [b"b"])
        with self.assertRaises(moddb.InvalidArgument):
            database.delete_prefix(b"")
        with self.assertRaises(TypeError):
            database.delete_prefix("a")


class Counters(Case):
    def test_incr(self) -> None:
        database = self.open()
        self.assertEqual(database.incr(b"n"), 1)
        self.assertEqual(database.incr(b"n", 5), 6)
        self.assertEqual(database.incr(b"n", -10), -4)
        self.assertEqual(database.incr(b"m", initial=10), 11)
        self.assertEqual(database[b"m"], b"11")
        with self.assertRaises(moddb.OutOfRange):
            database.incr(b"m", maximum=11)
        with self.assertRaises(moddb.OutOfRange):
            database.incr(b"m", -1, minimum=11)
        self.assertEqual(database.incr(b"m", minimum=0, maximum=12), 12)
        database[b"t"] = b"text"
        with self.assertRaises(moddb.NotANumber) as raised:
            database.incr(b"t")
        self.assertIsInstance(raised.exception, ValueError)
        with self.assertRaises(OverflowError):
            database.incr(b"n", 1 << 63)
        self.assertEqual(database.incr(b"n", ttl=100), -3)
        self.assertIsNotNone(database.entry(b"n").ttl)

    def test_ttl_if_new(self) -> None:
        database = self.open()
        for number in (1, 2):
            self.assertEqual(database.incr(b"n", ttl=100 * number, ttl_if_new=True), number)
            ttl = database.entry(b"n").ttl
            assert ttl is not None
            self.assertTrue(0 < ttl <= 100)
        with self.assertRaises(moddb.InvalidArgument):
            database.incr(b"n", ttl_if_new=True)

    def test_conditions(self) -> None:
        database = self.open(codec="utf-8")
        self.assertEqual(database.incr("n", if_absent=True), 1)
        version = database.entry("n").version
        conditions: list[dict[str, Any]] = [
            {"if_absent": True},
            {"if_version": version + 1},
            {"if_value": "2"},
        ]
        for condition in conditions:
            with self.assertRaises(moddb.Conflict) as raised:
                database.incr("n", **condition)
            self.assertEqual((raised.exception.version, raised.exception.value), (version, None))
        self.assertEqual(database.incr("n", if_version=version), 2)
        self.assertEqual(database.incr("n", if_value="2"), 3)
        self.assertEqual(database.incr("n", if_present=True), 4)
        with self.assertRaises(moddb.Conflict):
            database.incr("nothing", if_present=True)
        with self.assertRaises(moddb.Conflict), database.transaction() as transaction:
            transaction.incr("n", if_absent=True)
        self.assertEqual(database["n"], "4")


class Transactions(Case):
    def test_commit(self) -> None:
        database = self.open(codec="json")
        database["a"] = 1
        database["gone"] = 1
        with database.transaction() as transaction:
            old = transaction.get("a")
            nothing = transaction.get("nothing")
            transaction.set("a", 2, ttl=100)
            count = transaction.incr("n", 3)
            deleted = transaction.delete("gone")
            missing = transaction.delete("missing")
            touched = transaction.touch("other", 5)
            transaction.check("absent", if_absent=True)
            with self.assertRaisesRegex(RuntimeError, "not committed"):
                old.result
        assert old.result is not None
        self.assertEqual(old.result.value, 1)
        self.assertIsNone(nothing.result)
        self.assertEqual((count.result, deleted.result), (3, True))
        self.assertEqual((missing.result, touched.result), (False, False))
        self.assertEqual(dict(database), {"a": 2, "n": 3})

    def test_all_or_nothing(self) -> None:
        database = self.open()
        version = database.set(b"guard", b"1")
        with self.assertRaises(moddb.Conflict) as raised:
            with database.transaction() as transaction:
                pending = transaction.set(b"a", b"1")
                transaction.check(b"guard", if_value=b"2")
        self.assertEqual((raised.exception.key, raised.exception.version), (b"guard", version))
        with self.assertRaises(RuntimeError):
            pending.result
        with self.assertRaises(ZeroDivisionError):
            with database.transaction() as transaction:
                transaction.set(b"a", b"1")
                1 / 0
        with self.assertRaises(moddb.TooLarge):
            with database.transaction() as transaction:
                for number in range(10_000):
                    transaction.set(b"%d" % number, b"v")
        with self.assertRaises(moddb.TooLarge) as too_large:
            with database.transaction() as transaction:
                transaction.set(b"b", b"1")
                transaction.set(b"c", bytes((1 << 20) + 1))
        self.assertEqual(too_large.exception.key, b"c")
        with self.assertRaises(TypeError):
            with database.transaction() as transaction:
                transaction.set(b"b", b"1")
                transaction.set(b"c", b"1", no_such_option=1)
        self.assertEqual(dict(database), {b"guard": b"1"})
        with database.transaction():
            pass


class Errors(Case):
    def test_classes(self) -> None:
        with self.assertRaises(moddb.NoSuchDatabase) as raised:
            moddb.open("nowhere")
        self.assertEqual(raised.exception.errno, errno.ENXIO)
        with self.assertRaises(moddb.InvalidArgument) as invalid:
            moddb.open("")
        self.assertIn("name", str(invalid.exception))
        with self.assertRaises(ValueError):
            moddb.open("a\0b")
        with self.assertRaisesRegex(ValueError, "no transport"):
            self.open(transport="pigeon")
        with self.assertRaises(ValueError):
            self.open(timeout=0)

    def test_errors_travel(self) -> None:
        # As multiprocessing sends them.
        for error in (
            moddb.Conflict(errno.ECANCELED, "text", b"k", 7, b"v"),
            moddb.LimitReached(errno.EDQUOT, "text"),
        ):
            for same in (pickle.loads(pickle.dumps(error)), copy.copy(error)):
                self.assertEqual((type(same), vars(same)), (type(error), vars(error)))
                self.assertEqual(str(same), str(error))

    def test_limits(self) -> None:
        command("db", "create", "--max-keys", "1", "small")
        self.addCleanup(command, "db", "delete", "small")
        database = self.open(name="small")
        database[b"a"] = b"1"
        with self.assertRaisesRegex(moddb.LimitReached, "max-keys") as raised:
            database[b"b"] = b"1"
        self.assertEqual(raised.exception.key, b"b")
        with self.assertRaisesRegex(moddb.LimitReached, "max-keys"):
            database.set_many({b"a": b"2", b"b": b"1"})
        self.assertEqual(database[b"a"], b"2")
        command("db", "seal", "--yes", "small")
        with self.assertRaises(moddb.Sealed):
            database[b"a"] = b"1"

    def test_rights(self) -> None:
        command("db", "create", "--mode", "604", "ours")
        self.addCleanup(command, "db", "delete", "ours")
        child = os.fork()
        if child == 0:
            os.setgid(65534)
            os.setuid(65534)
            database = moddb.open("ours")
            try:
                database[b"a"] = b"1"
            except PermissionError as error:
                os._exit(0 if isinstance(error, moddb.AccessDenied) else 2)
            os._exit(3)
        self.assertEqual(os.waitpid(child, 0)[1], 0)
        database = self.open(name="ours")
        self.assertEqual(database.name, "ours")
        self.assertIn(database.transport, ("device", "netlink"))
