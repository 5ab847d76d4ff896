# SPDX-License-Identifier: MIT
"""Saving databases to files and restoring them, together with the command, and hostile files."""

from __future__ import annotations

import errno
import os
import pathlib
import signal
import stat
import subprocess
import tempfile
import threading
from typing import Any, Callable

import moddb
from support import SECONDS, Case, command, in_child, sessions

NOBODY = 65534


def as_nobody(function: Callable[[], None]) -> None:
    """Runs a function in a child that is an ordinary user."""

    def run() -> None:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        function()

    in_child(run)


def ephemeral_databases() -> list[str]:
    return [info.name for info in moddb.databases() if info.ephemeral]


class Archive(Case):
    def setUp(self) -> None:
        super().setUp()
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.directory = directory.name
        self.file = os.path.join(self.directory, "saved")
        self.addCleanup(self.delete_databases)

    def delete_databases(self) -> None:
        for info in moddb.databases():
            if info.name != "default":
                moddb.delete(info.name)

    def content(self, name: str = "default") -> dict[bytes, tuple[bytes, bool]]:
        """Keys, values, and whether they expire."""
        with moddb.open(name) as database:
            entries = database.snapshot().entries
        return {key: (entry.value, entry.ttl is not None) for key, entry in entries.items()}

    def fill(self) -> None:
        """Makes databases that use all parts of an archive."""
        with moddb.open() as database:
            database.set(b"expires", b"v", ttl=3600)
            database.update({b"a": b"1", b"odd\0\n\xff": bytes(range(256)), b"empty": b""})
            database[b"long"] = b"x" * 500_000
        moddb.create("other", mode=0o640, max_keys=7, max_bytes=1 << 20, evict=True)
        with moddb.open("other") as other:
            other[b"k"] = b"v"
            other.seal()

    def test_saved_is_restored(self) -> None:
        self.fill()
        moddb.create("untouched")
        with moddb.open() as database:
            database.set(b"mine", b"v", ephemeral=True)
            saved = moddb.save(self.file)
            self.assertEqual(set(saved.revisions), {"default", "other", "untouched"})
            self.assertEqual(saved.revisions["default"], database.info().revision)
            self.assertEqual((saved.inexact, saved.omitted), ({}, {}))
        before = self.content(), self.content("other")
        with moddb.open() as database:
            database[b"a"] = b"changed"
            database[b"new"] = b"1"
        moddb.delete("other")
        moddb.create("later")
        self.assertEqual(moddb.restore(self.file, check=True), ["default", "other", "untouched"])
        self.assertEqual(self.content()[b"a"], (b"changed", False))
        self.assertEqual(moddb.restore(self.file), ["default", "other", "untouched"])
        self.assertEqual((self.content(), self.content("other")), before)
        with moddb.open() as database:
            ttl = database.entry(b"expires").ttl
            assert ttl is not None
            self.assertTrue(3000 < ttl <= 3600)
        with moddb.open("other") as other:
            info = other.info()
        self.assertEqual((info.mode, info.max_keys, info.max_bytes), (0o640, 7, 1 << 20))
        self.assertTrue(info.sealed and info.evict and not info.ephemeral)
        names = [one.name for one in moddb.databases()]
        self.assertEqual(names, ["default", "later", "other", "untouched"])

    def test_the_command_has_the_same_files(self) -> None:
        self.fill()
        with moddb.open() as database:
            # Its remaining time to live differs from one save to the next.
            del database[b"expires"]
        before = self.content(), self.content("other")
        by_command = os.path.join(self.directory, "by-command")
        moddb.save(self.file)
        command("save", by_command)
        with open(self.file, "rb") as ours, open(by_command, "rb") as theirs:
            # They differ only in the time of saving and the checksums over it.
            mine, other = ours.read(), theirs.read()
        self.assertEqual((mine[:16], mine[32:-24]), (other[:16], other[32:-24]))
        moddb.delete("other")
        command("restore", self.file)
        self.assertEqual((self.content(), self.content("other")), before)
        moddb.delete("other")
        moddb.restore(by_command)
        self.assertEqual((self.content(), self.content("other")), before)

    def test_databases_by_name(self) -> None:
        self.fill()
        with moddb.open("other") as other:
            self.assertEqual(set(other.save(pathlib.Path(self.file)).revisions), {"other"})
        self.assertEqual(moddb.restore(self.file.encode(), check=True), ["other"])
        self.assertEqual(set(moddb.save(self.file, []).revisions), set())
        self.assertEqual(moddb.restore(self.file), [])
        with self.assertRaises(moddb.NoSuchDatabase):
            moddb.save(self.file, ["other", "nowhere"])
        self.assertEqual(moddb.restore(self.file), [])
        wrong: Any = [1]
        for names in (wrong, "other", 1):
            with self.assertRaises(TypeError):
                moddb.save(self.file, names)
        for name in ("other\0", "", "x" * 1000, "\udcff"):
            with self.assertRaises(ValueError):
                moddb.save(self.file, [name])
        self.assertEqual(os.listdir(self.directory), ["saved"])

    def test_mode_owner_and_links_stay(self) -> None:
        moddb.save(self.file)
        self.assertEqual(stat.S_IMODE(os.stat(self.file).st_mode), 0o600)
        os.chmod(self.file, 0o640)
        os.chown(self.file, 1234, 2345)
        link = os.path.join(self.directory, "link")
        os.symlink("saved", link)
        inode = os.stat(self.file).st_ino
        with open(self.file, "rb") as old:
            moddb.save(link)
            # The old file is another one, and complete.
            self.assertGreater(len(old.read()), 32)
        found = os.stat(self.file)
        self.assertNotEqual(found.st_ino, inode)
        self.assertEqual((found.st_uid, found.st_gid), (1234, 2345))
        self.assertEqual(stat.S_IMODE(found.st_mode), 0o640)
        self.assertTrue(os.path.islink(link))
        self.assertEqual(sorted(os.listdir(self.directory)), ["link", "saved"])

    def test_odd_names_of_files(self) -> None:
        before = os.getcwd()
        self.addCleanup(os.chdir, before)
        os.chdir(self.directory)
        for name in (b"-", b"\xff\n", b"a" * 200):
            moddb.save(name)
            self.assertEqual(moddb.restore(name, check=True), ["default"])
            os.unlink(name)
        with self.assertRaises(ValueError):
            moddb.save("a\0b")
        with self.assertRaisesRegex(ValueError, "no transport"):
            moddb.save("a", transport="pigeon")  # type: ignore
        self.assertEqual(os.listdir("."), [])

    def test_files_that_cannot_be_used(self) -> None:
        os.mkfifo(self.file)
        for path, number in (
            (self.file, errno.EINVAL),
            (self.directory, errno.EINVAL),
            ("/dev/null", errno.EINVAL),
            (self.directory + "/none/saved", errno.ENOENT),
            ("/dev/null/saved", errno.ENOTDIR),
        ):
            calls: list[Callable[[str], Any]] = [moddb.save, moddb.restore]
            for call in calls:
                with self.subTest(path, call=call), self.assertRaises(OSError) as raised:
                    call(path)
                self.assertEqual(raised.exception.errno, number)
                self.assertNotIsInstance(raised.exception, moddb.Error)
        with self.assertRaises(FileNotFoundError):
            moddb.restore(self.directory + "/missing")

    def test_full_disk(self) -> None:
        self.fill()
        small = os.path.join(self.directory, "small")
        os.mkdir(small)
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", small], check=True)
        self.addCleanup(lambda: subprocess.run(["umount", small], check=True))
        file = os.path.join(small, "saved")
        moddb.save(file, ["other"])
        with self.assertRaises(OSError) as raised:
            moddb.save(file)
        self.assertEqual(raised.exception.errno, errno.ENOSPC)
        self.assertEqual(moddb.restore(file, check=True), ["other"])
        self.assertEqual(os.listdir(small), ["saved"])

    def test_rights(self) -> None:
        moddb.create("secret")
        moddb.save(self.file)
        os.chmod(self.directory, 0o777)

        def nobody() -> None:
            try:
                moddb.restore(self.file)
                raise AssertionError("a file of another user")
            except PermissionError:
                pass
            mine = os.path.join(self.directory, "mine")
            saved = moddb.save(mine)
            assert list(saved.revisions) == ["default"], saved
            assert isinstance(saved.omitted["secret"], moddb.AccessDenied), saved
            try:
                moddb.save(mine, ["secret"])
                raise AssertionError("a database of another user")
            except moddb.AccessDenied:
                pass
            try:
                moddb.save("/saved")
                raise AssertionError("a file in a directory of another user")
            except PermissionError:
                pass
            try:
                # It would replace the database of another user.
                moddb.restore(mine)
                raise AssertionError("the database of another user")
            except PermissionError:
                pass
            assert ephemeral_databases() == []

        as_nobody(nobody)

    def test_damaged_files_change_nothing(self) -> None:
        with moddb.open() as database:
            database[b"k"] = b"v"
        moddb.save(self.file)
        with open(self.file, "rb") as saved:
            whole = saved.read()
        with moddb.open() as database:
            database[b"k"] = b"changed"
        damaged = [whole[:length] for length in range(len(whole))]
        damaged += [
            whole[:at] + bytes([whole[at] ^ 1 << at % 8]) + whole[at + 1 :]
            for at in range(len(whole))
        ]
        damaged += [whole + b"x", whole + whole, os.urandom(1000), bytes(1000), whole[32:]]
        for number, content in enumerate(damaged):
            with open(self.file, "wb") as file:
                file.write(content)
            for check in (False, True):
                with self.subTest(number, check=check), self.assertRaises(moddb.DamagedArchive):
                    moddb.restore(self.file, check=check)
        self.assertEqual(self.content(), {b"k": (b"changed", False)})
        self.assertEqual(ephemeral_databases(), [])
        with self.assertRaises(ValueError) as raised:
            moddb.restore(self.file)
        self.assertIn(self.file, str(raised.exception))

    def test_restoring_beyond_a_limit_changes_nothing(self) -> None:
        self.fill()
        moddb.save(self.file)
        with moddb.open() as database:
            database[b"a"] = b"changed"
        limit = pathlib.Path("/sys/module/moddb/parameters/max_keys")
        self.addCleanup(limit.write_text, limit.read_text())
        # The first database of the file fits in addition to the existing ones; the second does not.
        limit.write_text("11")
        with self.assertRaises(moddb.LimitReached):
            moddb.restore(self.file)
        self.assertEqual(self.content()[b"a"], (b"changed", False))
        self.assertEqual(ephemeral_databases(), [])

    def test_interrupted(self) -> None:
        # The handler runs during the call: it finds the databases that a restore fills.
        with moddb.open() as database:
            for number in range(16):
                database[b"%d" % number] = bytes(1 << 20)
        moddb.save(self.file)
        with moddb.open() as database:
            database[b"k"] = b"kept"
        inside: list[str] = []

        def handle(*_: object) -> None:
            if not inside:
                inside.extend(ephemeral_databases())
                # Not an interval, which on a slow machine would interrupt the handler.
                signal.setitimer(signal.ITIMER_REAL, 0.001)
                if inside:
                    raise KeyboardInterrupt

        old = signal.signal(signal.SIGALRM, handle)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.001)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        while not inside:
            with moddb.open() as database:
                database[b"k"] = b"kept"
            try:
                moddb.restore(self.file)
            except KeyboardInterrupt:
                pass
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertEqual(self.content()[b"k"], (b"kept", False))
        self.assertEqual(ephemeral_databases(), [])

    def test_interrupted_save_keeps_the_old_file(self) -> None:
        with moddb.open() as database:
            database[b"k"] = b"v"
            moddb.save(self.file)
            database.set_many({b"%d" % number: bytes(1000) for number in range(20_000)})
        raised = 0
        armed = False

        def handle(*_: object) -> None:
            if armed:
                raise KeyboardInterrupt

        old = signal.signal(signal.SIGALRM, handle)
        self.addCleanup(signal.signal, signal.SIGALRM, old)
        signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
        self.addCleanup(signal.setitimer, signal.ITIMER_REAL, 0)
        for _ in range(5):
            try:
                armed = True
                moddb.save(self.file)
            except KeyboardInterrupt:
                raised += 1
            finally:
                armed = False
        signal.setitimer(signal.ITIMER_REAL, 0)
        self.assertGreater(raised, 0)
        self.assertEqual(os.listdir(self.directory), ["saved"])
        self.assertEqual(moddb.restore(self.file), ["default"])
        self.assertEqual(self.content()[b"k"], (b"v", False))

    def test_threads(self) -> None:
        self.fill()
        before = self.content(), self.content("other")
        moddb.save(self.file)
        failures: list[BaseException] = []

        def use(number: int) -> None:
            try:
                for _ in range(5):
                    moddb.save(f"{self.file}.{number}")
                    moddb.restore(self.file)
                    moddb.restore(f"{self.file}.{number}", check=True)
            except BaseException as error:
                failures.append(error)

        sessions_before = sessions()
        threads = [threading.Thread(target=use, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(10 * SECONDS)
        self.assertEqual(failures, [])
        self.assertEqual((self.content(), self.content("other")), before)
        self.assertEqual(ephemeral_databases(), [])
        self.assertEqual(sessions(), sessions_before)
