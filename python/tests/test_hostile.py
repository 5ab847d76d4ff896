# SPDX-License-Identifier: MIT
"""Hostile callers: odd keys, huge values, interfering codecs; interrupts and forks at any time."""

from __future__ import annotations

import gc
import itertools
import json
import mmap
import os
import random
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator
from types import TracebackType
from typing import Any, Callable, Self

import moddb
from moddb import _moddb
from support import SECONDS, Case, in_child, sessions, until

KEY_MAX, VALUE_MAX = 1024, 1 << 20


class Interrupts:
    """In its block, a signal handler raises KeyboardInterrupt soon after each arm()."""

    def __init__(self, least: float = 1e-5, most: float = 2e-3) -> None:
        self._most = most
        self._least = least
        self._random = random.Random(7)
        self.armed = False

    def _handle(self, *_: object) -> None:
        if self.armed:
            self.armed = False
            raise KeyboardInterrupt

    def arm(self) -> None:
        """Schedules one interrupt."""
        self.armed = True
        signal.setitimer(signal.ITIMER_REAL, self._random.uniform(self._least, self._most))

    def __enter__(self) -> Self:
        self._old = signal.signal(signal.SIGALRM, self._handle)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, self._old)


class Keys(Case):
    def test_any_bytes(self) -> None:
        database = self.open()
        keys = [bytes([byte]) for byte in range(256)]
        keys += [
            b"\0" * KEY_MAX,
            b"\xff" * KEY_MAX,
            b"a\0b",
            b"a\0",
            b"\xed\xa0\x80",
            b"\xf4\x90\x80\x80",
        ]
        with database.watch() as watch:
            for key in keys:
                database[key] = key
            for key in keys:
                self.assertEqual(next(watch).key, key)
        self.assertEqual(dict(database.items()), {key: key for key in keys})
        self.assertEqual(database.get_many(keys), {key: key for key in keys})
        self.assertEqual(
            {key: entry.value for key, entry in database.snapshot().entries.items()},
            {key: key for key in keys},
        )
        text = self.open(codec="utf-8")
        self.assertEqual({os.fsencode(key) for key in text}, set(keys))
        for key in text.list_keys():
            self.assertIn(key, text)
        with database.transaction() as transaction:
            for key in keys:
                transaction.delete(key)
        self.assertEqual(len(database), 0)

    def test_refused_keys(self) -> None:
        database, text = self.open(), self.open(codec="utf-8")
        wrong: list[tuple[Any, Any, type[Exception]]] = [
            (database, b"", ValueError),
            (database, b"k" * (KEY_MAX + 1), moddb.TooLarge),
            (database, b"k" * (64 << 20), moddb.TooLarge),
            (database, "text", TypeError),
            (database, bytearray(b"k"), TypeError),
            (database, memoryview(b"k"), TypeError),
            (database, None, TypeError),
            (database, 1, TypeError),
            (text, b"k", TypeError),
            (text, "", ValueError),
            (text, "\ud800", UnicodeEncodeError),
            (text, "ö" * KEY_MAX, moddb.TooLarge),
        ]
        for mapping, key, error in wrong:
            calls: list[Callable[[Any, Any], Any]] = [
                lambda mapping, key: mapping[key],
                lambda mapping, key: mapping.get(key),
                lambda mapping, key: key in mapping,
                lambda mapping, key: mapping.get_many([key]),
                lambda mapping, key: mapping.entry(key),
                lambda mapping, key: mapping.set_many({key: b"v" if mapping is database else "v"}),
                lambda mapping, key: mapping.incr(key),
                lambda mapping, key: mapping.touch(key),
                lambda mapping, key: mapping.pop(key),
                lambda mapping, key: mapping.cached(key),
                lambda mapping, key: mapping.commit([(_moddb.OPERATION_GET, (key,), {})]),
            ]
            for number, call in enumerate(calls):
                if isinstance(key, (bytearray, memoryview)) and number == 5:
                    continue  # cannot be a key of a dict
                with self.subTest(key=str(key)[:20], number=number), self.assertRaises(error):
                    call(mapping, key)
        self.assertEqual(len(database), 0)

    def test_keys_that_run_code(self) -> None:
        database = self.open()

        class Odd(bytes):
            def __hash__(self) -> int:
                database.close()
                raise RuntimeError("no hash")

        database[b"k"] = b"v"
        self.assertEqual(database[Odd(b"k")], b"v")
        with self.assertRaisesRegex(RuntimeError, "no hash"):
            database.get_many([Odd(b"k")] * 100)
        self.assertTrue(database.closed)


class Sizes(Case):
    def test_huge_values(self) -> None:
        for transport in ("device", "netlink"):
            database = self.open(transport=transport)
            longest = os.urandom(VALUE_MAX)
            database[b"k"] = longest
            self.assertEqual(database[b"k"], longest)
            self.assertEqual(database.get_many([b"k"]), {b"k": longest})
            self.assertEqual(database.swap(b"k", b"v"), longest)
            database.set_many({b"k": longest, b"l": longest})
            self.assertEqual(dict(database.items()), {b"k": longest, b"l": longest})
            huge: list[Any] = [
                longest + b"x",
                bytes(64 << 20),
                memoryview(mmap.mmap(-1, 256 << 20)),
            ]
            for value in huge:
                calls: list[Callable[[], Any]] = [
                    lambda: database.set(b"k", value),
                    lambda: database.set(b"k", b"v", if_value=value),
                    lambda: database.set_many({b"k": value}),
                    lambda: database.swap(b"k", value),
                    lambda: database.update({b"k": value}),
                ]
                for call in calls:
                    with self.assertRaises((moddb.TooLarge, moddb.Conflict)):
                        call()
            self.assertEqual(database[b"k"], longest)
            with self.assertRaises(BufferError):
                database[b"k"] = memoryview(longest)[::2]
            database.clear()

    def test_huge_numbers(self) -> None:
        database = self.open()
        database[b"n"] = b"1"
        wrong: list[Callable[[], Any]] = [
            lambda: database.incr(b"n", 1 << 63),
            lambda: database.incr(b"n", minimum=-1 << 64),
            lambda: database.set(b"n", b"v", ttl=float("nan")),
            lambda: database.set(b"n", b"v", ttl=float("inf")),
            lambda: database.set(b"n", b"v", ttl=1e14),
            lambda: database.set(b"n", b"v", if_version=-1),
            lambda: database.set(b"n", b"v", if_version=1 << 64),
            lambda: database.listing(since=-1),
            lambda: database.watch(since=1 << 64),
            lambda: moddb.create("x", max_keys=1 << 64),
            lambda: moddb.create("x", max_keys=-1),
        ]
        for number, call in enumerate(wrong):
            with self.subTest(number), self.assertRaises((ValueError, OverflowError)):
                call()
        self.assertEqual(database[b"n"], b"1")

    def test_names(self) -> None:
        names: list[Any] = ["a\0b", "", "x" * 1000, "../x", "\udcff", "a\nb"]
        for name in names:
            calls: list[Callable[[], Any]] = [
                lambda: moddb.create(name),
                lambda: moddb.delete(name),
                lambda: moddb.replace({name: "default"}),
                lambda: moddb.replace({"default": name}),
            ]
            for number, call in enumerate(calls):
                with self.subTest(name=name, number=number), self.assertRaises(
                    (ValueError, moddb.Error)
                ):
                    call()
        self.assertEqual([one.name for one in moddb.databases()], ["default"])


class Codecs(Case):
    """The functions of a codec interfere with the call that runs them."""

    def setUp(self) -> None:
        super().setUp()
        self.pid = os.getpid()

    def use(self, interfere: Callable[[moddb.Database[str, Any]], Any]) -> None:
        """Makes every call that runs a codec, while the codec's functions do this."""
        for number in itertools.count():
            database: moddb.Database[str, Any]
            is_active = False

            def encode(value: Any) -> bytes:
                if is_active:
                    interfere(database)
                return json.dumps(value).encode()

            def decode(value: bytes) -> Any:
                if is_active:
                    interfere(database)
                return json.loads(value)

            database = moddb.open(codec=moddb.Codec(encode, decode))
            database.set_many({f"k{n}": n for n in range(100)})
            cached = database.cached("k1")
            watch = database.watch()
            database["k2"] = 3
            operations: list[Any] = [
                (_moddb.OPERATION_SET, ("k", 1), {"if_value": 2}),
                (_moddb.OPERATION_GET, ("k3",), {}),
            ]
            calls: list[Callable[[], Any]] = [
                lambda: database["k1"],
                lambda: database.get_many([f"k{n}" for n in range(100)]),
                lambda: database.set("k1", 5),
                lambda: database.set("k1", 5, if_value=1),
                lambda: database.set("k1", 5, if_absent=True),
                lambda: database.set("e", 5, ephemeral=True),
                lambda: database.set_many({"a": 1, "b": 2}),
                lambda: database.swap("k1", 7),
                lambda: database.take("k1"),
                lambda: list(database.items()),
                lambda: database.listing(),
                lambda: database.snapshot(),
                lambda: database.commit(operations),
                lambda: database.update({"a": 1}),
                lambda: database.entry("k1"),
                lambda: cached(),
                lambda: watch.read(0),
                lambda: database.wait("k1", timeout=0.01),
            ]
            if number == len(calls):
                break
            self.victims: list[Any] = [cached, watch, operations]
            is_active = True
            try:
                calls[number]()
            except (ValueError, KeyError, TypeError, RuntimeError, moddb.Error, TimeoutError):
                pass
            except BaseException:
                if os.getpid() == self.pid:
                    raise
                traceback.print_exc()
                os._exit(1)
            is_active = False
            if os.getpid() != self.pid:
                os._exit(0)
            watch.close()
            database.close()
        database.close()
        watch.close()
        self.victims = []
        with moddb.open() as clean:
            clean.clear()

    def test_closing(self) -> None:
        gc.collect()
        before = sessions()
        self.use(lambda database: database.close())
        self.use(lambda database: database.reopen())
        gc.collect()
        until(lambda: sessions() == before, "the end of all sessions")

    def test_raising(self) -> None:
        def fail(_: Any) -> None:
            raise ValueError("no value")

        self.use(fail)

    def test_reentering(self) -> None:
        depth = 0

        def again(database: moddb.Database[str, Any]) -> None:
            nonlocal depth
            if depth < 3:
                depth += 1
                try:
                    database["k1"] = database.get("k5")
                    database.get_many(["k1", "k2"])
                    database.set("e", 1, ephemeral=True)
                    self.victims[0]()
                finally:
                    depth -= 1

        self.use(again)

    def test_changing_what_is_used(self) -> None:
        def change(_: Any) -> None:
            cached, watch, operations = self.victims
            watch.close()
            for operation in operations:
                operation[2].clear()
            operations.clear()
            gc.collect()

        self.use(change)

    def test_forking(self) -> None:
        children: list[int] = []

        def fork(_: Any) -> None:
            if os.getpid() != self.pid or len(children) > 60:
                return
            # The child continues the call while it uses a session that is the parent's.
            child = os.fork()
            if child == 0:
                signal.alarm(SECONDS)
            else:
                children.append(child)

        self.use(fork)
        self.assertGreater(len(children), 20)
        for child in children:
            self.assertEqual(os.waitpid(child, 0)[1], 0)

    def test_values_that_read_at_their_end(self) -> None:
        # A cached value that is replaced is destroyed, and so runs code.
        class Value:
            def __init__(self, text: bytes) -> None:
                self.text = text

            def __del__(self) -> None:
                # The last one ends when the key is deleted.
                seen.append(getattr(cached(), "text", b""))

        cached: Any
        seen: list[bytes] = []
        plain = self.open()
        plain[b"k"] = b"0"
        codec: moddb.Codec[Any] = moddb.Codec(bytes, Value)
        cached = self.open(codec=codec).cached("k")
        for number in range(1, 50):
            plain[b"k"] = b"%d" % number
            self.assertEqual(cached().text, b"%d" % number)
        self.assertGreaterEqual(len(seen), 48)


class Interrupted(Case):
    """A signal handler raises an exception at any moment."""

    def test_locks_are_not_left_behind(self) -> None:
        database, other = self.open(codec="utf-8"), self.open(codec="utf-8")
        raised = 0
        with Interrupts() as interrupts:
            for _ in range(1500):
                lock = database.lock("lock")
                try:
                    interrupts.arm()
                    lock.acquire()
                    interrupts.armed = False
                except KeyboardInterrupt:
                    raised += 1
                    self.assertIsNone(lock.fence)
                    self.assertNotIn("lock", other)
                else:
                    lock.release()
        self.assertGreater(raised, 0)

    def test_waiting_for_a_lock(self) -> None:
        holder, database = self.open(codec="utf-8"), self.open(codec="utf-8")
        with Interrupts(most=4e-3) as interrupts:
            for _ in range(100):
                held = holder.lock("lock")
                held.acquire()
                lock = database.lock("lock")
                timer = threading.Timer(0.002, held.release)
                timer.start()
                try:
                    interrupts.arm()
                    lock.acquire()
                    interrupts.armed = False
                except KeyboardInterrupt:
                    self.assertIsNone(lock.fence)
                else:
                    lock.release()
                timer.join()
                self.assertNotIn("lock", holder)

    def test_no_event_is_lost(self) -> None:
        database = self.open(codec="json")
        events, raised = 3000, 0
        seen: list[Any] = []
        with Interrupts(most=5e-4) as interrupts, database.watch("k/") as watch:
            database.set_many({f"k/{number}": number for number in range(events)})
            while len(seen) < events:
                try:
                    interrupts.arm()
                    for event in watch:
                        # Nothing is called between the event's arrival and its place in the list.
                        seen += (event,)
                        if len(seen) == events:
                            break
                    interrupts.armed = False
                except KeyboardInterrupt:
                    raised += 1
        self.assertEqual({event.entry.value for event in seen}, set(range(events)))
        versions = [event.version for event in seen]
        self.assertEqual(versions, sorted(set(versions)))
        self.assertGreater(raised, 0)

    def test_everything_stays_usable(self) -> None:
        database = self.open(codec="json")
        cached = database.cached("k1")
        gc.collect()
        before = sessions()
        watches: list[Any] = []

        def transact() -> None:
            with database.transaction() as transaction:
                transaction.incr("n")
                transaction.set("t", [1, 2])

        def iterate() -> Iterator[Any]:
            yield from database.items()

        file = tempfile.NamedTemporaryFile()
        self.addCleanup(file.close)
        calls: list[Callable[[], Any]] = [
            lambda: database.update({f"k{number}": number for number in range(100)}),
            lambda: database.set_many({f"k{number}": number for number in range(100)}),
            lambda: database.get_many([f"k{number}" for number in range(100)]),
            lambda: list(iterate()),
            database.snapshot,
            database.listing,
            transact,
            cached,
            lambda: watches.append(database.watch()),
            lambda: moddb.open().close(),
            lambda: database.wait("k1", timeout=0.001),
            lambda: database.pop("k5", None),
            lambda: database.setdefault("k5", 5),
            lambda: moddb.databases(),
            lambda: database.save(file.name),
            lambda: moddb.restore(file.name, check=True),
        ]
        with Interrupts() as interrupts:
            for _ in range(60):
                for call in calls:
                    try:
                        interrupts.arm()
                        call()
                    except (KeyboardInterrupt, TimeoutError, ValueError):
                        pass
                    interrupts.armed = False
                watches.clear()
        for call in calls:
            try:
                call()
            except TimeoutError:
                pass
        watches.clear()
        gc.collect()
        until(lambda: sessions() == before, "the end of all other sessions")


class Concurrent(Case):
    def test_closing_under_every_call(self) -> None:
        for round_ in range(15):
            database = moddb.open(codec="json")
            database.set_many({f"k{number}": number for number in range(100)})
            keys = [f"k{number}" for number in range(100)]
            file = tempfile.NamedTemporaryFile()
            calls: list[Callable[[], Any]] = [
                lambda: database.get_many(keys),
                lambda: database.set_many({"a": 1}),
                database.snapshot,
                lambda: list(database.items()),
                lambda: database.set("e", 1, ephemeral=True),
                lambda: database.cached("k1")(),
                lambda: database.watch("k").read(0.001),
                lambda: database.update({"a": 1, "b": 2}),
                lambda: database.wait("a", timeout=0.001),
                lambda: database.save(file.name),
                database.reopen,
            ]
            failures: list[BaseException] = []
            ended = threading.Event()

            def run(call: Callable[[], Any]) -> None:
                while not ended.is_set():
                    try:
                        call()
                    except (ValueError, KeyError, TimeoutError):
                        pass
                    except BaseException as error:
                        failures.append(error)
                        return

            threads = [threading.Thread(target=run, args=(call,)) for call in calls]
            for thread in threads:
                thread.start()
            for _ in range(20):
                database.close()
            ended.set()
            for thread in threads:
                thread.join()
            database.close()
            file.close()
            self.assertEqual(failures, [], round_)

    def test_one_watch_in_many_threads(self) -> None:
        database = self.open()
        for _ in range(30):
            watch = database.watch()
            failures: list[BaseException] = []

            def read() -> None:
                try:
                    while True:
                        watch.read(0.001)
                except (RuntimeError, ValueError):
                    # Another thread uses it, or closed it.
                    pass
                except BaseException as error:
                    failures.append(error)

            threads = [threading.Thread(target=read) for _ in range(4)]
            for thread in threads:
                thread.start()
            database[b"k"] = b"v"
            watch.close()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])

    def test_fork_while_threads_do_everything(self) -> None:
        database = self.open(codec="json")
        database.set_many({f"k{number}": number for number in range(100)})
        gc.collect()
        before = sessions()
        ended = threading.Event()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)

        def everything(number: int) -> None:
            own = moddb.open(codec="json")
            cached = own.cached("k1")
            while not ended.is_set():
                with moddb.open() as short, own.watch() as watch, own.lock(f"lock{number}"):
                    short[b"n"] = b"1"
                    watch.read(0)
                    cached()
                    database.snapshot()
                    database.get_many(["k1", "k2"])
                    own.save(f"{directory.name}/{number}")
            own.close()

        def child() -> None:
            # Its own sessions work, whatever the parent's threads were doing.
            assert database["k1"] == 1
            database["c"] = os.getpid()
            with moddb.open(codec="json") as own, own.watch("c") as watch:
                with own.lock(f"lock-{os.getpid()}", timeout=SECONDS):
                    own["c"] = 1
                assert next(watch).key == "c"
            moddb.save(f"{directory.name}/child")

        threads = [threading.Thread(target=everything, args=(number,)) for number in range(3)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(15):
                in_child(child)
        finally:
            ended.set()
            for thread in threads:
                thread.join()
        # The children kept no session of the parent.
        until(lambda: sessions() == before, "the end of all other sessions")
        self.assertFalse([key for key in database if key.startswith("lock")])
