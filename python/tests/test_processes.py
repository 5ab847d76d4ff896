# SPDX-License-Identifier: MIT
"""Tests that take many processes, interpreters or seconds."""

from __future__ import annotations

import multiprocessing
import subprocess
import sys
import threading
from typing import Any

import moddb
from support import SECONDS, Case, count_up, in_child

INTERRUPTED = """
import os, signal, threading, moddb
database = moddb.open()
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    {call}
except KeyboardInterrupt:
    print("interrupted")
"""


def python(text: str) -> subprocess.CompletedProcess[str]:
    """Runs a program in an interpreter of its own."""
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", text],
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )


class Processes(Case):
    def test_fork_while_threads_work(self) -> None:
        database = self.open(codec="utf-8")
        ended = threading.Event()

        def work() -> None:
            while not ended.is_set():
                database.incr("n")
                database.get("n")

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(10):
                in_child(lambda: count_up(database, 3))
        finally:
            ended.set()
            for thread in threads:
                thread.join()

    def test_multiprocessing(self) -> None:
        database = self.open(codec="utf-8")
        for method in ("fork", "spawn", "forkserver"):
            context: Any = multiprocessing.get_context(method)
            database["n"] = "0"
            workers = [context.Process(target=count_up, args=(database, 20)) for _ in range(3)]
            for worker in workers:
                worker.start()
            for worker in workers:
                worker.join()
                self.assertEqual(worker.exitcode, 0)
            self.assertEqual(database["n"], "60")

    def test_closing_under_other_threads(self) -> None:
        for _ in range(100):
            database = moddb.open(codec="utf-8")
            database["k"] = "v"
            started = threading.Barrier(5)
            failures: list[BaseException] = []

            def use() -> None:
                started.wait()
                try:
                    while True:
                        database["k"] = database["k"]
                        database.set("e", "v", ephemeral=True)
                except (ValueError, KeyError):
                    pass
                except BaseException as error:
                    failures.append(error)

            threads = [threading.Thread(target=use) for _ in range(4)]
            for thread in threads:
                thread.start()
            started.wait()
            database.close()
            for thread in threads:
                thread.join()
            self.assertEqual(failures, [])
            self.assertTrue(database.closed)

    def test_signals_end_waits(self) -> None:
        for call in (
            "database.wait(b'nothing')",
            "next(database.watch())",
            "database.set(b'l', b'1', ephemeral=True); database.lock(b'l').acquire()",
            "import asyncio; asyncio.run(database.wait_async(b'nothing'))",
        ):
            with self.subTest(call):
                self.assertEqual(python(INTERRUPTED.format(call=call)).stdout, "interrupted\n")

    def test_interpreter_ends_amid_a_watch(self) -> None:
        done = python(
            "import moddb, threading, time\n"
            "database = moddb.open()\n"
            "database.set(b'e', b'1', ephemeral=True)\n"
            "watch = database.watch()\n"
            "cached = database.cached(b'k')\n"
            "threading.Thread(target=lambda: next(watch), daemon=True).start()\n"
            "threading.Thread(target=lambda: database.wait(b'never'), daemon=True).start()\n"
            "time.sleep(0.1)\n"
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertNotIn(b"e", self.open())

    def test_subinterpreters(self) -> None:
        done = python(
            "import _xxsubinterpreters as interpreters, moddb\n"
            "mine = moddb.open()\n"
            "mine[b'k'] = b'1'\n"
            "for _ in range(3):\n"
            "    one = interpreters.create()\n"
            "    interpreters.run_string(one, '''if True:\n"
            "        import moddb\n"
            "        database = moddb.open()\n"
            "        assert database[b'k'] == b'1'\n"
            "        watch = database.watch()\n"
            "        database.set(b'e', b'1', ephemeral=True)\n"
            "        assert next(watch).key == b'e'\n"
            "        try:\n"
            "            database[b'missing']\n"
            "            raise SystemError\n"
            "        except KeyError:\n"
            "            pass\n"
            "        try:\n"
            "            database.set(b'k', b'2', if_absent=True)\n"
            "            raise SystemError\n"
            "        except moddb.Conflict:\n"
            "            pass\n"
            "        ''')\n"
            "    interpreters.destroy(one)\n"
            "    assert mine[b'k'] == b'1' and b'e' not in mine\n"
        )
        self.assertEqual((done.returncode, done.stderr), (0, ""))

    def test_overrun(self) -> None:
        moddb.create("fast")
        self.addCleanup(moddb.delete, "fast")
        with moddb.open("fast") as database, database.watch() as watch:
            value = bytes(30000)
            for number in range(3000):
                database[b"%d" % (number % 10)] = value
            with self.assertRaises(moddb.Overrun) as raised:
                for _ in watch:
                    pass
            missed = database.listing(since=raised.exception.revision)
            self.assertEqual(len(missed.entries), 10)
            self.assertGreater(missed.revision, raised.exception.revision)
