# SPDX-License-Identifier: MIT
"""A lock for programs that use the package filelock; no process can leave it behind."""

from __future__ import annotations

import contextlib
import functools
import logging
import os
import threading
import time
import weakref
from types import TracebackType
from typing import Self

from filelock import BaseFileLock, Timeout

import moddb
from moddb.database import Database
from moddb.lock import Lock

__all__ = ["FileLock", "Timeout"]

_log = logging.getLogger("filelock")


@functools.cache
def _open(name: str, pid: int) -> Database[str, str]:
    """One for each process: a child's locks are not its parent's."""
    database = moddb.open(name, codec="utf-8")
    if database.info().evict:
        raise ValueError(f"the database {name!r} evicts, and so might drop a lock that is held")
    return database


class _Hold:
    """How many times a lock is held, and through which entry."""

    def __init__(self) -> None:
        self.lock: Lock[str] | None = None
        self.count = 0
        self.changing = threading.Lock()


class _HoldOfThread(_Hold, threading.local):
    """The same, separate for each thread."""


class _Acquired:
    """The result of acquire(), for a with statement that does not acquire the lock again."""

    def __init__(self, lock: FileLock) -> None:
        self.lock = lock

    def __enter__(self) -> FileLock:
        return self.lock

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.lock.release()


class FileLock(contextlib.ContextDecorator):
    """A lock among all processes of the machine, with the interface of filelock.FileLock.

    The path is only a name: no file is made, and the directory need not exist. The lock is an
    entry of the database, "filelock" and the absolute path without symbolic links, and is deleted
    when the process ends, however it ends. The release wakes a waiting process; poll_interval and
    mode have no effect. The lock is reentrant; with thread_local=False for all threads of the
    process together. A forked child does not hold its parent's locks.

    timeout: seconds to wait, then filelock.Timeout is raised; negative: no limit. database: its
    name; it must exist. In 'default' every user may acquire every lock, but only release their own.
    """

    def __init__(
        self,
        lock_file: str | os.PathLike[str],
        timeout: float = -1,
        mode: int = 0o644,
        thread_local: bool = True,
        *,
        blocking: bool = True,
        database: str = "default",
    ) -> None:
        self.lock_file = os.fspath(lock_file)
        self.mode = mode
        self.blocking = blocking
        self._timeout = float(timeout)
        self._name = database
        self._hold = _HoldOfThread() if thread_local else _Hold()
        _locks.add(self)

    @property
    def timeout(self) -> float:
        """The seconds that acquire() waits if it has no timeout of its own."""
        return self._timeout

    @timeout.setter
    def timeout(self, value: float | str) -> None:
        self._timeout = float(value)

    @property
    def is_locked(self) -> bool:
        """Whether this object holds the lock."""
        return self._hold.lock is not None

    @property
    def lock_counter(self) -> int:
        """How many times it was acquired and not yet released."""
        return self._hold.count

    @property
    def fence(self) -> int | None:
        """While the lock is held, a number greater than that of each earlier holder; else None."""
        lock = self._hold.lock
        return None if lock is None else lock.fence

    def is_thread_local(self) -> bool:
        """Whether each thread acquires it separately."""
        return isinstance(self._hold, _HoldOfThread)

    def acquire(
        self,
        timeout: float | None = None,
        poll_interval: float = 0.05,
        *,
        blocking: bool | None = None,
    ) -> _Acquired:
        """Waits until the lock is free and acquires it; filelock.Timeout if that takes too long."""
        if timeout is None:
            timeout = self._timeout
        if not (self.blocking if blocking is None else blocking):
            timeout = 0
        hold = self._hold
        end = None if timeout < 0 else time.monotonic() + timeout
        # Threads that share the hold wait here for the one that waits for the lock.
        if not hold.changing.acquire(timeout=-1 if end is None else timeout):
            raise Timeout(self.lock_file)
        try:
            if hold.lock is None:
                hold.lock = self._acquire(end)
            hold.count += 1
        finally:
            hold.changing.release()
        return _Acquired(self)

    def _acquire(self, end: float | None) -> Lock[str]:
        _log.debug("Attempting to acquire lock %s on %s", id(self), self.lock_file)
        lock = _open(self._name, os.getpid()).lock("filelock" + os.path.realpath(self.lock_file))
        if not lock.acquire(None if end is None else max(0, end - time.monotonic())):
            _log.debug("Timeout on acquiring lock %s on %s", id(self), self.lock_file)
            raise Timeout(self.lock_file)
        _log.debug("Lock %s acquired on %s", id(self), self.lock_file)
        return lock

    def release(self, force: bool = False) -> None:
        """Ends one acquire(), or by force all, and releases the lock after the last one.

        Does nothing if the lock is not held.
        moddb.Conflict if the lock's entry was deleted or replaced: the lock had been lost.
        """
        hold = self._hold
        if hold.lock is None:
            return
        with hold.changing:
            if hold.lock is None:
                return
            hold.count -= 1
            if hold.count > 0 and not force:
                return
            lock, hold.lock, hold.count = hold.lock, None, 0
            _log.debug("Attempting to release lock %s on %s", id(self), self.lock_file)
            lock.release()
            _log.debug("Lock %s released on %s", id(self), self.lock_file)

    def _forget(self) -> None:
        self._hold = _HoldOfThread() if self.is_thread_local() else _Hold()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()

    def __del__(self) -> None:
        # If the interpreter can no longer do that, the end of the process releases it.
        with contextlib.suppress(Exception):
            self.release(force=True)


# Not a subclass: what a subclass has to implement differs between filelock's versions.
BaseFileLock.register(FileLock)

_locks: weakref.WeakSet[FileLock] = weakref.WeakSet()


def _forget_locks() -> None:
    for lock in list(_locks):
        lock._forget()


# The parent holds its locks, not the child.
os.register_at_fork(after_in_child=_forget_locks)
