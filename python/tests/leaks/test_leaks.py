# SPDX-License-Identifier: MIT
"""A million operations leave no reference, no object and no memory behind."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys
import tempfile

from typing import Any, Callable

import moddb
from moddb.entry import Entry
from support import Case

MANY = 40_000
"""The number of most calls: leaks of less than a byte per call are found."""

FEW = 1_000
"""The number of calls that open something."""


class _Arena(ctypes.Structure):
    """struct mallinfo2 of the C library."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in (
            "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()
        )
    ]


_mallinfo = ctypes.CDLL(None).mallinfo2
_mallinfo.restype = _Arena

KEY, MISSING, LONG_KEY = b"the key", b"the missing key", b"k" * 2000
VALUE, LONG, TEXT = b"the value", bytes(40_000), b"the text"
SHARED: list[Any] = [
    KEY,
    MISSING,
    LONG_KEY,
    VALUE,
    LONG,
    TEXT,
    None,
    True,
    False,
    Entry,
    moddb.Database,
]
SHARED += [moddb.Conflict, moddb.TooLarge, KeyError]


def measure() -> tuple[list[int], int, int, int]:
    """References to shared objects, Python's blocks, bytes of malloc(), descriptors."""
    gc.collect()
    references = [sys.getrefcount(one) for one in SHARED]
    descriptors = len(os.listdir("/proc/self/fd"))
    return references, sys.getallocatedblocks(), _mallinfo().uordblks, descriptors


def failing(call: Callable[[], Any], kind: type[BaseException]) -> Callable[[], None]:
    """A call that raises this."""

    def run() -> None:
        try:
            call()
        except kind:
            return
        raise AssertionError(f"no {kind}")

    return run


class Leaks(Case):
    def check(self, name: str, call: Callable[[], Any], times: int = MANY) -> None:
        """Calls it many times, and compares the measurements before and after."""
        with self.subTest(name):
            for _ in range(50):
                call()
            before = measure()
            for _ in range(times):
                call()
            after = measure()
            # A call may keep a little for the next one.
            for old, new in zip(before[0], after[0]):
                self.assertLess(abs(new - old), 20, "references")
            self.assertLess(after[1] - before[1], 100, "blocks")
            self.assertLess(after[2] - before[2], times // 2 + 20_000, "bytes")
            self.assertEqual(after[3], before[3], "descriptors")

    def test_reads(self) -> None:
        database = self.open()
        database[KEY] = VALUE
        database[b"long"] = LONG
        keys = [KEY, MISSING]
        cached = database.cached(KEY)
        flags = database.cached(MISSING, VALUE)
        closed = moddb.open()
        closed.close()
        wrong: Any = "text"
        self.check("[]", lambda: database[KEY])
        self.check("[] missing", failing(lambda: database[MISSING], KeyError))
        self.check("[] too long", failing(lambda: database[LONG_KEY], moddb.TooLarge))
        self.check("[] wrong", failing(lambda: database[wrong], TypeError))
        self.check("[] closed", failing(lambda: closed[KEY], ValueError))
        self.check("[] long", lambda: database[b"long"], MANY // 4)
        self.check("get", lambda: database.get(KEY))
        self.check("get default", lambda: database.get(MISSING, VALUE))
        self.check("in", lambda: (KEY in database, MISSING in database))
        self.check("entry", lambda: database.entry(KEY))
        self.check("entry missing", failing(lambda: database.entry(MISSING), KeyError))
        self.check("get_many", lambda: database.get_many(keys))
        self.check("get_many long", lambda: database.get_many([b"long"]), MANY // 4)
        self.check("get_many wrong", failing(lambda: database.get_many([KEY, wrong]), TypeError))
        self.check("cached", cached)
        self.check("cached missing", flags)
        self.check("len", lambda: len(database))
        self.check("info", database.info, MANY // 4)

    def test_codecs(self) -> None:
        json = self.open(codec="json")
        json["k"] = {"a": [1, 2]}
        json[os.fsdecode(b"\xff")] = "odd"
        text = self.open(codec="utf-8")
        text["t"] = "ö"
        self.check("json", lambda: json["k"])
        self.check("json set", lambda: json.set("k", {"a": [1, 2]}))
        self.check("json set wrong", failing(lambda: json.set("k", {1, 2}), TypeError))
        self.check("json get_many", lambda: json.get_many(["k", "missing"]))
        self.check("json read wrong", failing(lambda: json["t"], ValueError))
        self.check("text", lambda: text["t"])
        self.check("text items", lambda: list(json.list_keys()), MANY // 8)
        self.check("text set", lambda: text.set("t", "ö"))
        self.check("odd key", lambda: json[os.fsdecode(b"\xff")])

    def test_writes(self) -> None:
        database = self.open()
        database[TEXT] = TEXT
        absent = failing(lambda: database.set(TEXT, VALUE, if_absent=True), moddb.Conflict)
        self.check("[]=", lambda: database.__setitem__(KEY, VALUE))
        self.check("set", lambda: database.set(KEY, VALUE, ttl=100))
        self.check("set if_value", lambda: database.set(KEY, VALUE, if_value=VALUE))
        self.check("set conflict", absent)
        self.check("set long", lambda: database.set(b"long", LONG), MANY // 8)
        self.check("set ephemeral", lambda: database.set(b"e", VALUE, ephemeral=True))
        self.check("set memoryview", lambda: database.set(KEY, memoryview(VALUE)))
        self.check("set no ttl", failing(lambda: database.set(KEY, VALUE, ttl=-1), ValueError))
        self.check("swap", lambda: database.swap(KEY, VALUE))
        self.check("swap long", lambda: database.swap(b"long", LONG), MANY // 8)
        self.check("take", lambda: (database.set(KEY, VALUE), database.take(KEY)))
        self.check("take missing", failing(lambda: database.take(MISSING), KeyError))
        self.check("del", lambda: (database.set(KEY, VALUE), database.delete(KEY)))
        self.check("del missing", failing(lambda: database.delete(MISSING), KeyError))
        self.check("pop", lambda: (database.set(KEY, VALUE), database.pop(KEY, None)))
        self.check("setdefault", lambda: database.setdefault(KEY, VALUE))
        self.check("incr", lambda: database.incr(b"n", ttl=100, ttl_if_new=True))
        self.check("incr text", failing(lambda: database.incr(TEXT), moddb.NotANumber))
        self.check("touch", lambda: database.touch(KEY, 100))
        self.check("set_many", lambda: database.set_many({KEY: VALUE, TEXT: TEXT}))
        self.check("update", lambda: database.update({KEY: VALUE}), MANY // 4)
        too_long = failing(lambda: database.set_many({KEY: VALUE, LONG_KEY: VALUE}), moddb.TooLarge)
        self.check("set_many too long", too_long)
        self.check("delete_prefix", lambda: database.delete_prefix(b"the m"), MANY // 4)

    def test_transactions(self) -> None:
        database = self.open()
        database[KEY] = VALUE

        def commit(**condition: Any) -> None:
            with database.transaction() as transaction:
                transaction.check(KEY, **condition)
                transaction.get(KEY)
                transaction.get(MISSING)
                transaction.set(TEXT, TEXT)
                transaction.incr(b"n")
                transaction.touch(KEY)
                transaction.delete(MISSING)

        self.check("commit", lambda: commit(if_present=True), MANY // 4)
        self.check("conflict", failing(lambda: commit(if_absent=True), moddb.Conflict), MANY // 4)

        def leave() -> None:
            with contextlib.suppress(ArithmeticError), database.transaction() as transaction:
                transaction.set(KEY, VALUE)
                raise ArithmeticError

        self.check("left", leave)

    def test_listings(self) -> None:
        database = self.open()
        database.set_many({b"%d" % number: VALUE for number in range(20)})
        self.check("list_keys", database.list_keys, MANY // 8)
        self.check("list_items", database.list_items, MANY // 8)
        self.check("listing", database.listing, MANY // 8)
        self.check("items", lambda: dict(database.items()), MANY // 8)
        self.check("snapshot", database.snapshot, FEW)

    def test_archives(self) -> None:
        database = self.open()
        database[KEY] = VALUE
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        file, damaged = directory.name + "/saved", directory.name + "/damaged"
        database.save(file)
        with open(file, "rb") as whole, open(damaged, "wb") as part:
            part.write(whole.read()[:-1])
        nowhere = failing(lambda: moddb.save(file, ["none"]), moddb.NoSuchDatabase)
        self.check("save", lambda: moddb.save(file), FEW)
        self.check("save nothing", nowhere, FEW)
        self.check("save wrong", failing(lambda: moddb.save("/none/x"), FileNotFoundError), FEW)
        self.check("restore", lambda: moddb.restore(file), FEW)
        self.check("restore missing", failing(lambda: moddb.restore("/none"), OSError), FEW)
        self.check("restore damaged", failing(lambda: moddb.restore(damaged), ValueError), FEW)

    def test_what_is_opened(self) -> None:
        database = self.open()
        database[KEY] = VALUE

        def watch() -> None:
            with database.watch(initial=True) as one:
                while next(one).kind != "sync":
                    pass
                database[KEY] = VALUE
                next(one)

        def lock() -> None:
            with database.lock(b"lock"):
                pass

        def create() -> None:
            moddb.create("other", max_keys=10)
            moddb.delete("other")

        def drop() -> None:
            moddb.open()[KEY]

        self.check("watch", watch, FEW)
        self.check("wait", lambda: database.wait(KEY), FEW)
        self.check("lock", lock, FEW)
        self.check("open", lambda: moddb.open().close(), FEW)
        self.check("open and drop", drop, FEW)
        self.check("open missing", failing(lambda: moddb.open("none"), moddb.NoSuchDatabase), FEW)
        self.check("cached", lambda: database.cached(KEY)(), FEW)
        self.check("create", create, FEW)
        self.check("databases", moddb.databases, FEW)
        self.check("reopen", database.reopen, FEW)
