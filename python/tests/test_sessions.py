# SPDX-License-Identifier: MIT
"""The sessions of a Database object: threads, forks, and ephemeral entries."""

from __future__ import annotations

import gc
import os
import pickle
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable

import moddb
from support import Case, count_up, in_child, sessions, until


class Threads(Case):
    def test_counting_and_sessions(self) -> None:
        database = self.open(codec="utf-8")
        before = sessions()
        threads = [threading.Thread(target=count_up, args=(database, 200)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(database["n"], "1600")
        # A thread's session ends with it.
        until(lambda: sessions() == before, "the end of the threads' sessions")

    def test_two_databases_in_turn(self) -> None:
        first, second = self.open(), self.open()
        before = sessions()
        for _ in range(100):
            first[b"k"] = b"1"
            self.assertEqual(second[b"k"], b"1")
        self.assertEqual(sessions(), before)

    def test_pop_and_setdefault_are_atomic(self) -> None:
        database: moddb.Database[str, str] = self.open(codec="utf-8")
        with ThreadPoolExecutor(8) as pool:
            for _ in range(20):
                values = set(pool.map(lambda n: database.setdefault("k", str(n)), range(8)))
                self.assertEqual(len(values), 1)
                got = list(pool.map(lambda _: database.pop("k", None), range(8)))
                self.assertEqual(len([one for one in got if one is not None]), 1)


class Ephemeral(Case):
    def test_ends_with_the_object(self) -> None:
        watcher = self.open()
        database = moddb.open()
        database.set(b"k", b"v", ephemeral=True)
        self.assertTrue(watcher.entry(b"k").ephemeral)
        database.incr(b"n", ephemeral=True)
        with database.transaction() as transaction:
            transaction.set(b"t", b"v", ephemeral=True)
        self.assertEqual(set(watcher), {b"k", b"n", b"t"})
        database.close()
        until(lambda: not set(watcher), "the end of ephemeral entries")
        database = moddb.open()
        database.set(b"k", b"v", ephemeral=True)
        del database
        gc.collect()
        until(lambda: b"k" not in watcher, "the end of an ephemeral entry")

    def test_outlives_the_thread(self) -> None:
        database = self.open()
        thread = threading.Thread(target=lambda: database.set(b"k", b"v", ephemeral=True))
        thread.start()
        thread.join()
        self.assertIn(b"k", database)

    def test_ends_with_the_process(self) -> None:
        database = self.open()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            mine = moddb.open()
            mine.set(b"k", b"v", ephemeral=True)
            os.write(writer, b"x")
            signal.pause()
        os.read(reader, 1)
        self.assertIn(b"k", database)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)
        self.assertNotIn(b"k", database)


class Fork(Case):
    def test_child_goes_on(self) -> None:
        database = self.open()
        database[b"k"] = b"1"
        # So that the window is mapped.
        for _ in range(40):
            database[b"k"]

        def child() -> None:
            assert database[b"k"] == b"1"
            database[b"k"] = b"2"
            assert database.entry(b"k").pid == os.getpid()

        in_child(child)
        self.assertEqual(database[b"k"], b"2")
        database[b"k"] = b"3"
        self.assertEqual(database.entry(b"k").pid, os.getpid())

    def test_child_has_no_ephemeral_entries(self) -> None:
        database = self.open()
        database.set(b"k", b"v", ephemeral=True)

        def child() -> None:
            for _ in range(2):
                try:
                    database[b"k"]
                except moddb.Forked:
                    continue
                raise AssertionError("a child may use the parent's session")
            database.reopen()
            assert database[b"k"] == b"v"
            database.close()

        in_child(child)
        self.assertIn(b"k", database)
        database.close()
        self.assertNotIn(b"k", self.open())

    def test_child_does_not_keep_the_parents_entries(self) -> None:
        # The child inherits the descriptors of a parent that is killed.
        database = self.open()
        reader, writer = os.pipe()
        parent = os.fork()
        if parent == 0:
            os.setpgid(0, 0)
            mine = moddb.open()
            mine.set(b"k", b"v", ephemeral=True)
            if os.fork() == 0:
                os.write(writer, b"x")
                signal.pause()
            signal.pause()
        os.read(reader, 1)
        self.addCleanup(os.killpg, parent, signal.SIGKILL)
        self.assertIn(b"k", database)
        os.kill(parent, signal.SIGKILL)
        os.waitpid(parent, 0)
        self.assertNotIn(b"k", database)

    def test_pickled_object_is_another(self) -> None:
        database = self.open(codec="json")
        database["k"] = 1
        with pickle.loads(pickle.dumps(database)) as same:
            self.assertEqual(same["k"], 1)
            self.assertEqual(same.name, "default")


class Lifetime(Case):
    def test_sessions_end(self) -> None:
        before = sessions()
        for _ in range(50):
            with moddb.open() as database:
                database.set(b"k", b"v", ephemeral=True)
            with self.assertRaisesRegex(ValueError, "closed"):
                database[b"k"]
            self.assertIn("closed", repr(database))
            database.close()
        for _ in range(50):
            cycle: Any = moddb.open()
            cycle.me = cycle
        del cycle
        gc.collect()
        self.assertEqual(sessions(), before)

    def test_reopen(self) -> None:
        database = moddb.open()
        database.close()
        database.reopen()
        database[b"k"] = b"v"
        self.assertFalse(database.closed)
        database.close()

    def test_memory(self) -> None:
        # No call may keep a reference: neither one that succeeds nor one that fails.
        database = self.open()
        key, value = b"key", b"value" * 2000
        many = {b"%d" % number: value for number in range(100)}
        codec = self.open(codec="json")

        def use() -> None:
            database[key] = value
            database[key], database.get(key), database.entry(key), key in database
            database.get_many(many)
            database.set_many(many)
            database.update({key: value})
            list(database.items())
            database.listing()
            database.snapshot()
            database.setdefault(key, value)
            database.pop(key, None)
            database.get(key, value)
            codec["n"] = [1]
            codec.get("n")
            with database.transaction() as transaction:
                transaction.set(key, value)
                transaction.get(key)
            failures: list[Callable[[], Any]] = [
                lambda: database[b"nothing"],
                lambda: database.set(key, value, if_absent=True),
                lambda: database.incr(key),
                lambda: database.set(key, value, ttl=-1),
                lambda: database.get_many([key, 1]),
                lambda: codec.set("n", object()),
                lambda: moddb.open("nowhere"),
            ]
            for fails in failures:
                try:
                    fails()
                except (KeyError, ValueError, TypeError, moddb.Error):
                    pass

        use()
        gc.collect()
        blocks, counts = sys.getallocatedblocks(), (sys.getrefcount(key), sys.getrefcount(value))
        for _ in range(20):
            use()
        gc.collect()
        self.assertEqual((sys.getrefcount(key), sys.getrefcount(value)), counts)
        self.assertLess(sys.getallocatedblocks() - blocks, 200)
