# SPDX-License-Identifier: MIT
"""A lock among all processes of the machine."""

from __future__ import annotations

import functools
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, Self, TypeVar

from moddb.errors import Conflict, Overrun

if TYPE_CHECKING:
    from moddb.database import Database

K = TypeVar("K")


class Lock(Generic[K]):
    """A lock that no process can leave behind: an ephemeral entry, present while the lock is held.

    It is released by release(), and by the end of the Database object or of the process, however
    that ends. Made by Database.lock(). Threads of a process exclude each other as processes do; it
    is not reentrant. Do not keep locks in a database that evicts.

    If the handler of a signal raises an exception in acquire(), the lock is not held. An exception
    that it raises at the very moment when a with block ends may leave the lock held, as with all
    context managers of Python; fence shows that.
    """

    fence: int | None
    """While the lock is held, a number greater than that of each earlier holder: a resource that
    refuses smaller numbers is safe from a holder that was suspended for long. Else None."""

    def __init__(
        self, database: Database[K, Any], key: K, value: Any, timeout: float | None
    ) -> None:
        self._database = database
        self._key = key
        self._value = value
        self._timeout = timeout
        self.fence = None

    def _try(self) -> bool:
        attempt = functools.partial(
            self._database.set, value=self._value, if_absent=True, ephemeral=True
        )
        fences: list[int] = []
        try:
            # In one call of C code, so that the fence is known whatever a signal handler raises.
            fences.extend(map(attempt, (self._key,)))
        except Conflict:
            return False
        except BaseException:
            for fence in fences:
                self._database.delete(self._key, if_version=fence)
            raise
        (self.fence,) = fences
        return True

    def acquire(self, timeout: float | None = None) -> bool:
        """Waits until the lock is free and acquires it; False after timeout seconds.

        0 does not wait. RuntimeError if this object holds it already.
        """
        if self.fence is not None:
            raise RuntimeError("this lock is held already")
        try:
            return self._acquire(timeout)
        except BaseException:
            # A signal handler may raise an exception after the lock was acquired.
            if self.fence is not None:
                self.release()
            raise

    def _acquire(self, timeout: float | None) -> bool:
        if self._try():
            return True
        deadline = None if timeout is None else time.monotonic() + timeout
        while timeout is None or timeout > 0:
            try:
                return self._wait(deadline)
            except Overrun:
                continue
        return False

    def _wait(self, deadline: float | None) -> bool:
        with self._database.watch(key=self._key) as watch:
            # It may have become free before the watch began.
            while not self._try():
                while True:
                    left = None if deadline is None else max(0, deadline - time.monotonic())
                    event = watch.read(left)
                    if event is None:
                        return False
                    if event.kind != "set":
                        break
            return True

    def release(self) -> None:
        """Releases it. Conflict if the lock's entry was deleted or replaced: it had been lost."""
        if self.fence is None:
            raise RuntimeError("this lock is not held")
        fence, self.fence = self.fence, None
        self._database.delete(self._key, if_version=fence)

    def __enter__(self) -> Self:
        if not self.acquire(self._timeout):
            raise TimeoutError(f"{self._key!r} was not released within {self._timeout} s")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.release()
