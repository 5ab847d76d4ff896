# SPDX-License-Identifier: MIT
"""The lock with the interface of filelock, among threads and processes."""

from __future__ import annotations

import gc
import os
import signal
import tempfile
import threading
from pathlib import Path
from typing import Any

import filelock
import moddb
from adapter_case import Case
from moddb.filelock import FileLock, _open
from support import SECONDS, fork, in_child, in_children, until


class Locks(Case):
    def setUp(self) -> None:
        super().setUp()
        self.addCleanup(_open.cache_clear)
        self.database("locks")
        self.entries = moddb.open("locks", codec="utf-8")

    def lock(self, path: str | Path = "/none/lock", **options: Any) -> FileLock:
        """A lock of the database of this test."""
        return FileLock(path, database="locks", **options)

    def test_interface(self) -> None:
        lock, other = self.lock(), self.lock(timeout=0)
        self.assertIsInstance(lock, filelock.BaseFileLock)
        self.assertEqual((lock.lock_file, lock.timeout, other.timeout), ("/none/lock", -1, 0))
        self.assertFalse(lock.is_locked)
        with lock as same:
            self.assertIs(same, lock)
            with lock.acquire() as inner:
                self.assertIs(inner, lock)
                self.assertEqual(lock.lock_counter, 2)
            self.assertTrue(lock.is_locked)
            self.assertEqual(lock.fence, self.entries.entry("filelock/none/lock").version)
            with self.assertRaises(filelock.Timeout) as caught:
                other.acquire()
            self.assertEqual(caught.exception.lock_file, "/none/lock")
            other.timeout = 100
            with self.assertRaises(filelock.Timeout):
                other.acquire(blocking=False)
            with self.assertRaises(filelock.Timeout):
                other.acquire(timeout=0.01)
        self.assertFalse(lock.is_locked)
        self.assertIsNone(lock.fence)
        lock.release()

        @lock
        def decorated() -> bool:
            return lock.is_locked

        self.assertTrue(decorated())
        lock.acquire()
        lock.acquire()
        lock.release(force=True)
        self.assertFalse(lock.is_locked)
        with other:
            pass
        self.assertEqual(len(self.entries), 0)

    def test_one_name_has_one_lock(self) -> None:
        with tempfile.TemporaryDirectory() as directory:
            os.symlink(directory, directory + "/link")
            with self.lock(Path(directory, "link", "a")):
                with self.assertRaises(filelock.Timeout):
                    self.lock(directory + "/b/../a").acquire(0)
                with self.lock(directory + "/b"):
                    pass
            self.assertEqual(os.listdir(directory), ["link"])

    def test_excludes_processes(self) -> None:
        counts = moddb.open("locks")
        counts[b"n"] = b"0"

        def count() -> None:
            lock = self.lock()
            for _ in range(100):
                with lock:
                    counts[b"n"] = b"%d" % (int(counts[b"n"]) + 1)

        in_children(4, count)
        self.assertEqual(counts[b"n"], b"400")

    def test_excludes_threads(self) -> None:
        # With one object for each thread, and with one for all threads, each of which holds it
        # apart.
        shared = self.lock()
        for own in (False, True):
            number = 0

            def count() -> None:
                nonlocal number
                lock = self.lock() if own else shared
                for _ in range(100):
                    with lock:
                        before = number
                        self.assertEqual(lock.lock_counter, 1)
                        number = before + 1

            threads = [threading.Thread(target=count) for _ in range(4)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            self.assertEqual(number, 400)

    def test_threads_may_share_what_they_hold(self) -> None:
        lock = self.lock(thread_local=False)
        lock.acquire()
        ends = threading.Event()

        def hold() -> None:
            with lock:
                ends.wait(SECONDS)

        thread = threading.Thread(target=hold)
        thread.start()
        until(lambda: lock.lock_counter == 2, "the thread holds it as well")
        lock.release()
        self.assertTrue(lock.is_locked)
        ends.set()
        thread.join()
        self.assertFalse(lock.is_locked)

    def test_a_killed_process_holds_no_lock(self) -> None:
        reader, writer = os.pipe()

        def hold() -> None:
            with self.lock():
                os.write(writer, b"x")
                signal.pause()

        pid = fork(hold)
        os.read(reader, 1)
        lock = self.lock()
        with self.assertRaises(filelock.Timeout):
            lock.acquire(blocking=False)
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        with lock:
            pass

    def test_a_child_does_not_hold_its_parents_lock(self) -> None:
        for thread_local in (True, False):
            lock = self.lock(thread_local=thread_local)
            lock.acquire()

            def use() -> None:
                assert not lock.is_locked and lock.lock_counter == 0
                lock.release()
                try:
                    lock.acquire(blocking=False)
                except filelock.Timeout:
                    return
                raise AssertionError("the child acquired the parent's lock")

            in_child(use)
            self.assertTrue(lock.is_locked)
            self.assertEqual(len(self.entries), 1)
            lock.release()

            def acquire() -> None:
                lock.acquire(blocking=False)

            in_child(acquire)

    def test_a_collected_object_holds_no_lock(self) -> None:
        lock = self.lock()
        lock.acquire()
        del lock
        gc.collect()
        self.assertEqual(len(self.entries), 0)

    def test_a_lost_lock_is_reported(self) -> None:
        lock = self.lock()
        lock.acquire()
        self.entries.clear()
        with self.assertRaises(moddb.Conflict):
            lock.release()
        self.assertFalse(lock.is_locked)
        with lock:
            pass

    def test_databases(self) -> None:
        with FileLock("/none/lock") as lock:
            self.assertTrue(lock.is_locked)
        self.database("evicting", evict=True, max_keys=10)
        with self.assertRaisesRegex(ValueError, "evicts"):
            FileLock("a", database="evicting").acquire()
        with self.assertRaises(moddb.NoSuchDatabase):
            FileLock("a", database="missing").acquire()
