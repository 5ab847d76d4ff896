# SPDX-License-Identifier: MIT
"""Creating values under mutexes of all processes."""

from __future__ import annotations

import os
import signal
from typing import Any

import moddb
from adapter_case import Case
from dogpile.cache import make_region
from moddb.dogpile import ModdbBackend
from support import fork, in_children


class Dogpile(Case):
    def test_one_process_creates_a_value(self) -> None:
        arguments = {"database": self.database("dogpile")}
        counts = moddb.open("dogpile")

        def create() -> str:
            counts.incr(b"created")
            return "value"

        def use() -> None:
            region = make_region().configure("moddb.dogpile", arguments=arguments)
            for number in range(20):
                assert region.get_or_create(f"k{number}", create) == "value"

        in_children(4, use)
        self.assertEqual(counts[b"created"], b"20")

    def test_a_killed_process_holds_no_mutex(self) -> None:
        backend = ModdbBackend({"database": self.database("dogpile")})
        mutex = backend.get_mutex("k")
        assert mutex is not None
        reader, writer = os.pipe()

        def hold() -> None:
            other = ModdbBackend({"database": "dogpile"}).get_mutex("k")
            assert other is not None and other.acquire()
            os.write(writer, b"x")
            signal.pause()

        pid = fork(hold)
        os.read(reader, 1)
        self.assertTrue(mutex.locked())
        self.assertFalse(mutex.acquire(False))
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        self.assertTrue(mutex.acquire())
        mutex.release()
        with self.assertRaises(RuntimeError):
            mutex.release()

    def test_values_expire_and_mutexes_are_not_evicted(self) -> None:
        self.database("evicting", evict=True, max_keys=10)
        self.database("locks")
        with self.assertRaisesRegex(ValueError, "lock_database"):
            ModdbBackend({"database": "evicting"})
        options: list[dict[str, Any]] = [{"lock_database": "locks"}, {"distributed_lock": False}]
        for more in options:
            backend = ModdbBackend({"database": "evicting", "expiration": 100, **more})
            backend.set_serialized("k", b"v")
            self.assertIsNotNone(moddb.open("evicting").entry(b"k").ttl)
        self.assertIsNone(backend.get_mutex("k"))
