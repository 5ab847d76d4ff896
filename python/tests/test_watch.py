# SPDX-License-Identifier: MIT
"""Watches, waiting, locks and cached keys; threads, signals, forks, asyncio."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import threading
import weakref
from typing import Any

import moddb
from support import SECONDS, Case, command, in_child, sessions


class Watching(Case):
    def test_events(self) -> None:
        database = self.open(codec="utf-8")
        database["lamp/old"] = "1"
        with database.watch("lamp/", initial=True) as watch:
            first, sync = next(watch), next(watch)
            assert first.entry is not None
            self.assertEqual((first.kind, first.key, first.initial), ("set", "lamp/old", True))
            self.assertEqual((first.entry.value, first.pid), ("1", os.getpid()))
            self.assertEqual((sync.kind, sync.key, sync.entry), ("sync", None, None))
            self.assertIsNone(watch.read(0))
            database["other"] = "1"
            version = database.set("lamp/a", "2", ttl=0.001)
            event = next(watch)
            assert event.entry is not None
            self.assertEqual((event.kind, event.key, event.version), ("set", "lamp/a", version))
            self.assertEqual((event.entry.value, event.initial), ("2", False))
            self.assertEqual(next(watch).kind, "expired")
            del database["lamp/old"]
            self.assertEqual(next(watch).kind, "del")
            with moddb.open(codec="utf-8") as other:
                other.set("lamp/b", "3", ephemeral=True)
            self.assertEqual([next(watch).kind, next(watch).kind], ["set", "released"])
            database["lamp/long"] = "x" * 40000
            self.assertIsNone(next(watch).entry)
            watch.sync()
            self.assertEqual(next(watch).kind, "sync")
            database.clear()
            self.assertEqual(next(watch).kind, "cleared")
            self.assertIsNone(watch.read(0.01))
        with self.assertRaisesRegex(ValueError, "closed"):
            watch.read(0)
        with self.assertRaisesRegex(ValueError, "closed"):
            watch.fileno()

    def test_one_key_and_resuming(self) -> None:
        database = self.open()
        with database.watch(key=b"k") as watch:
            database[b"kk"] = b"1"
            revision = database.set(b"k", b"1")
            self.assertEqual(next(watch).version, revision)
            database[b"k"] = b"2"
            with database.watch(since=revision) as resumed:
                event = next(resumed)
                assert event.entry is not None
                self.assertEqual(event.entry.value, b"2")
            with database.watch(initial=True, since=revision) as new:
                self.assertEqual([next(new).key, next(new).kind], [b"k", "sync"])
        with self.assertRaises(moddb.OutOfRange):
            database.watch(since=1 << 40)
        with self.assertRaises(ValueError):
            database.watch(b"a", key=b"b")

    def test_end_of_the_database(self) -> None:
        moddb.create("short")
        with moddb.open("short") as database, database.watch() as watch:
            moddb.delete("short")
            with self.assertRaises(moddb.Stale):
                next(watch)

    def test_closed_by_another_thread(self) -> None:
        database = self.open()
        watch = database.watch()
        caught: list[BaseException] = []

        started = threading.Event()

        def read() -> None:
            started.set()
            try:
                next(watch)
            except ValueError as error:
                caught.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        started.wait()
        watch.close()
        thread.join(SECONDS)
        self.assertEqual(len(caught), 1)

    def test_collected(self) -> None:
        database = self.open()
        before = sessions()
        watch: Any = database.watch()
        watch.me = watch
        reference = weakref.ref(watch)
        del watch
        gc.collect()
        self.assertIsNone(reference())
        self.assertEqual(sessions(), before)

    def test_collected_amid_waiting(self) -> None:
        # A task that waits for a watch is cancelled, and both lose their last references.
        database = self.open()
        before = sessions()

        async def abandon() -> weakref.ref[Any]:
            watch: Any = database.watch()
            watch.me = watch
            task = asyncio.ensure_future(anext(watch))
            await asyncio.sleep(0)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                return weakref.ref(watch)
            raise AssertionError("there was an event")

        reference = asyncio.run(abandon())
        gc.collect()
        self.assertIsNone(reference())
        self.assertEqual(sessions(), before)

    def test_child(self) -> None:
        database = self.open()
        watch = database.watch()

        def child() -> None:
            try:
                watch.read(0)
            except ValueError:
                pass
            else:
                raise AssertionError("the child reads the parent's watch")
            with database.watch() as own:
                database[b"k"] = b"1"
                assert next(own).key == b"k"

        in_child(child)
        self.assertEqual(next(watch).key, b"k")
        watch.close()

    def test_fork_while_a_thread_reads(self) -> None:
        database = self.open()
        watch = database.watch()
        got: list[Any] = []
        thread = threading.Thread(target=lambda: got.append(next(watch)))
        thread.start()
        for _ in range(5):
            in_child(lambda: None)
        database[b"k"] = b"1"
        thread.join(SECONDS)
        self.assertEqual(got[0].key, b"k")
        watch.close()


class Waiting(Case):
    def test_wait(self) -> None:
        database = self.open(codec="json")
        timer = threading.Timer(0.05, database.set, ("k", 1))
        timer.start()
        self.assertEqual(database.wait("k"), 1)
        timer.join()
        self.assertEqual(database.wait("k", 1, timeout=SECONDS), 1)
        with self.assertRaises(TimeoutError):
            database.wait("k", 2, timeout=0.01)
        with self.assertRaises(TimeoutError):
            database.wait("nothing", timeout=0)
        long = "x" * 40000
        database["k"] = long
        self.assertEqual(database.wait("k"), long)
        self.assertEqual(database.wait("k", long), long)

    def test_handlers_that_return_end_no_wait(self) -> None:
        database = self.open()
        handled: list[int] = []
        old = signal.signal(signal.SIGALRM, lambda *_: handled.append(1))
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.01, 0.01)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        timer = threading.Timer(0.2, database.set, (b"k", b"1"))
        timer.start()
        self.assertEqual(database.wait(b"k"), b"1")
        timer.join()
        self.assertGreater(len(handled), 1)

    def test_asyncio(self) -> None:
        database = self.open(codec="utf-8")

        async def write() -> None:
            for number in range(5):
                await asyncio.sleep(0.001)
                database[f"k{number}"] = str(number)

        async def read() -> list[str]:
            keys: list[str] = []
            with database.watch("k") as watch:
                task = asyncio.ensure_future(write())
                async for event in watch:
                    assert event.key is not None
                    keys.append(event.key)
                    if len(keys) == 5:
                        break
                await task
            return keys

        self.assertEqual(asyncio.run(read()), ["k0", "k1", "k2", "k3", "k4"])

        async def wait() -> Any:
            task = asyncio.ensure_future(database.wait_async("late"))
            await asyncio.sleep(0.01)
            database["late"] = "v"
            return await task

        self.assertEqual(asyncio.run(wait()), "v")

        async def give_up() -> None:
            async with asyncio.timeout(0.01):
                await database.wait_async("never")

        with self.assertRaises(TimeoutError):
            asyncio.run(give_up())


class Locks(Case):
    def test_lock(self) -> None:
        first, second = self.open(codec="utf-8"), self.open(codec="utf-8")
        with first.lock("lock") as lock:
            self.assertEqual(first["lock"], str(os.getpid()))
            self.assertTrue(first.entry("lock").ephemeral)
            fence = lock.fence
            assert fence is not None
            other = second.lock("lock")
            self.assertFalse(other.acquire(0))
            self.assertFalse(other.acquire(0.01))
            with self.assertRaises(TimeoutError), second.lock("lock", timeout=0.01):
                pass
            with self.assertRaises(RuntimeError):
                lock.acquire()
        self.assertNotIn("lock", first)
        self.assertTrue(other.acquire(0))
        assert other.fence is not None
        self.assertGreater(other.fence, fence)
        other.release()
        with self.assertRaises(RuntimeError):
            other.release()

    def test_lost_lock(self) -> None:
        database = self.open(codec="json")
        lock = database.lock("lock", value={"holder": "me"})
        self.assertTrue(lock.acquire())
        self.assertEqual(database["lock"], {"holder": "me"})
        command("del", "lock")
        with self.assertRaises(moddb.Conflict):
            lock.release()

    def test_mutual_exclusion(self) -> None:
        # Eight threads of two processes; each finds the counter as it left it.
        database = self.open(codec="json")
        database["n"] = 0

        def work() -> None:
            with moddb.open(codec="json") as own:
                for _ in range(10):
                    with own.lock("lock"):
                        number = own["n"]
                        own["n"] = number + 1

        def threads() -> None:
            all_of_them = [threading.Thread(target=work) for _ in range(4)]
            for thread in all_of_them:
                thread.start()
            for thread in all_of_them:
                thread.join()

        child = threading.Thread(target=lambda: in_child(threads))
        child.start()
        threads()
        child.join()
        self.assertEqual(database["n"], 80)

    def test_killed_holder(self) -> None:
        database = self.open()
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            mine = moddb.open().lock(b"lock")
            mine.acquire()
            os.write(writer, b"x")
            signal.pause()
        os.read(reader, 1)
        lock = database.lock(b"lock")
        self.assertFalse(lock.acquire(0))
        os.kill(child, signal.SIGKILL)
        self.assertTrue(lock.acquire(SECONDS))
        os.waitpid(child, 0)
        lock.release()


class CachedKey(Case):
    def test_flag(self) -> None:
        database = self.open(codec="json")
        flag = database.cached("flag", default="off")
        self.assertEqual(flag(), "off")
        database["flag"] = {"on": True}
        value = flag()
        self.assertEqual(value, {"on": True})
        self.assertIs(flag(), value)
        database["flag"] = {"on": True}
        self.assertIsNot(flag(), value)
        database["flag"] = "x" * 100_000
        self.assertEqual(len(flag()), 100_000)
        del database["flag"]
        self.assertEqual(flag.get(), "off")

        def child() -> None:
            for number in range(3):
                database["flag"] = number
                assert flag() == number

        in_child(child)
        self.assertEqual(flag(), 2)
        with self.assertRaises(TypeError):
            database.cached(1)

    def test_values_of_others(self) -> None:
        database = self.open(codec="json")
        flag = database.cached("flag")
        self.open()[b"flag"] = b"{"
        for _ in range(2):
            with self.assertRaises(ValueError):
                flag()


class Databases(Case):
    def test_settings(self) -> None:
        moddb.create("mine", mode=0o640, max_keys=2, max_bytes=1 << 20, evict=False)
        self.addCleanup(moddb.delete, "mine")
        with self.assertRaises(moddb.DatabaseExists):
            moddb.create("mine")
        with moddb.open("mine") as database:
            info = database.info()
            self.assertEqual((info.name, info.mode, info.max_keys), ("mine", 0o640, 2))
            self.assertEqual((info.max_bytes, info.keys, info.sealed), (1 << 20, 0, False))
            database.update({b"a": b"1", b"b": b"2"})
            with self.assertRaises(moddb.LimitReached):
                database[b"c"] = b"3"
            database.alter(max_keys=3, mode=0o600)
            database[b"c"] = b"3"
            info = database.info()
            self.assertEqual((info.mode, info.keys, info.refusals), (0o600, 3, 1))
            self.assertEqual([one.name for one in moddb.databases()], ["default", "mine"])
            database.seal()
            with self.assertRaises(moddb.Sealed):
                database[b"c"] = b"4"
        with self.assertRaises(moddb.NoSuchDatabase):
            moddb.delete("nowhere")
        with self.assertRaises(OverflowError):
            moddb.create("odd", mode=1 << 40)

    def test_replace(self) -> None:
        moddb.create("live")
        moddb.create("next")
        with moddb.open("live") as live, moddb.open("next") as following:
            live[b"k"] = b"old"
            following[b"k"] = b"new"
            moddb.replace({"live": "next"})
            self.assertEqual(live[b"k"], b"new")
        moddb.delete("live")
        self.assertEqual([one.name for one in moddb.databases()], ["default"])
        with self.assertRaises(TypeError):
            names: Any = {"live": 1}
            moddb.replace(names)

    def test_snapshot(self) -> None:
        database = self.open(codec="utf-8")
        database.update({f"k{number}": str(number) for number in range(100)})
        revision = database.set("k1", "new")
        snapshot = database.snapshot("k1")
        self.assertEqual(snapshot.revision, revision)
        self.assertEqual(list(snapshot.entries), ["k1", *(f"k1{number}" for number in range(10))])
        self.assertEqual(snapshot.entries["k1"].value, "new")
        self.assertEqual(snapshot.entries["k1"].version, revision)
        changed = database.listing("k", since=revision - 1)
        self.assertEqual(list(changed.entries), ["k1"])
        self.assertEqual(changed.entries["k1"].uid, os.getuid())
