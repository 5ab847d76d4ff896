# SPDX-License-Identifier: MIT
"""Operations that are committed atomically."""

from __future__ import annotations

from types import TracebackType
from typing import Any, Generic, Protocol, TypeVar

from moddb import _moddb
from moddb.entry import Entry

K = TypeVar("K")
V = TypeVar("V")
R = TypeVar("R")


class _Committer(Protocol):
    def commit(self, operations: list[Any], /) -> list[Any]:
        ...


class Pending(Generic[R]):
    """The result of an operation, once its transaction is committed."""

    _result: R

    @property
    def result(self) -> R:
        """The result. RuntimeError if the transaction was not committed."""
        try:
            return self._result
        except AttributeError:
            raise RuntimeError("the transaction was not committed") from None


class Transaction(Generic[K, V]):
    """Collects operations, and commits them when its with block ends.

    All of them happen or none does, and no reader sees some without the others. If an exception
    leaves the block, nothing happens. At most 1024 operations; no key may be written twice;
    values may have 30720 bytes over netlink, and any allowed length over the device. One thread
    at a time may use it.

    Leaving the block raises the error of the first operation that failed (with its key), or
    TooLarge; nothing is changed then. To read, touch or delete a missing key is not a failure.
    """

    def __init__(self, database: _Committer) -> None:
        self._database = database
        self._operations: list[tuple[int, tuple[Any, ...], dict[str, Any]]] = []
        self._pending: list[Pending[Any]] = []

    def _add(self, kind: int, *arguments: Any, **keywords: Any) -> Any:
        pending: Pending[Any] = Pending()
        self._operations.append((kind, arguments, keywords))
        self._pending.append(pending)
        return pending

    def get(self, key: K) -> Pending[Entry[V] | None]:
        """Reads an entry as it was before the transaction's own writes; None if it is missing."""
        result: Pending[Entry[V] | None] = self._add(_moddb.OPERATION_GET, key)
        return result

    def set(self, key: K, value: V, **options: Any) -> Pending[int]:
        """Like Database.set(); the result is the version."""
        result: Pending[int] = self._add(_moddb.OPERATION_SET, key, value, **options)
        return result

    def delete(self, key: K, **options: Any) -> Pending[bool]:
        """Like Database.delete(); the result is whether there was an entry."""
        result: Pending[bool] = self._add(_moddb.OPERATION_DELETE, key, **options)
        return result

    def incr(self, key: K, delta: int = 1, **options: Any) -> Pending[int]:
        """Like Database.incr(); the result is the sum."""
        result: Pending[int] = self._add(_moddb.OPERATION_INCR, key, delta, **options)
        return result

    def touch(self, key: K, ttl: float | None = None, **options: Any) -> Pending[bool]:
        """Like Database.touch(); the result is whether there was an entry."""
        result: Pending[bool] = self._add(_moddb.OPERATION_TOUCH, key, ttl, **options)
        return result

    def check(self, key: K, **condition: Any) -> None:
        """A guard: the transaction fails with Conflict unless the condition, one of those of
        Database.set(), holds."""
        self._add(_moddb.OPERATION_CHECK, key, **condition)

    def __enter__(self) -> Transaction[K, V]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        operations, pending = self._operations, self._pending
        self._operations, self._pending = [], []
        if kind is None and operations:
            for one, result in zip(pending, self._database.commit(operations)):
                one._result = result
