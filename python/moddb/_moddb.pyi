# SPDX-License-Identifier: MIT
from collections.abc import Callable, Iterable
from types import GenericAlias
from typing import Any, Generic, TypeVar, final, overload

from moddb.entry import Entry

_K = TypeVar("_K")
_V = TypeVar("_V")
_D = TypeVar("_D")
_S = TypeVar("_S")

INLINE_MAX: int
TXN_MAX: int
LISTING_KEYS: int
LISTING_VALUES: int
LISTING_ENTRIES: int
OPERATION_GET: int
OPERATION_SET: int
OPERATION_DELETE: int
OPERATION_INCR: int
OPERATION_TOUCH: int
OPERATION_CHECK: int

def forget_parent() -> None: ...
def library_version() -> str: ...

class Store(Generic[_K, _V]):
    def __new__(
        cls: type[_S],
        name: str,
        keys: type,
        values: type,
        encode: Callable[[Any], bytes] | None,
        decode: Callable[[bytes], Any] | None,
        transport: int,
        timeout: int,
    ) -> _S: ...
    @property
    def name(self) -> str: ...
    @property
    def transport(self) -> str: ...
    @property
    def closed(self) -> bool: ...
    def __getitem__(self, key: _K, /) -> _V: ...
    def __setitem__(self, key: _K, value: _V, /) -> None: ...
    def __delitem__(self, key: _K, /) -> None: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __len__(self) -> int: ...
    @overload
    def get(self, key: _K, /) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: None) -> _V | None: ...
    @overload
    def get(self, key: _K, /, default: _V | _D) -> _V | _D: ...
    def entry(self, key: _K, /) -> Entry[_V]: ...
    def get_many(self, keys: Iterable[_K], /) -> dict[_K, _V]: ...
    def set(
        self,
        key: _K,
        value: _V,
        *,
        ttl: float | None = None,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: int | None = None,
        if_value: _V = ...,
        ephemeral: bool = False,
    ) -> int: ...
    def delete(self, key: _K, *, if_version: int | None = None, if_value: _V = ...) -> int: ...
    def swap(
        self,
        key: _K,
        value: _V,
        *,
        ttl: float | None = None,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: int | None = None,
        if_value: _V = ...,
        ephemeral: bool = False,
    ) -> _V | None: ...
    def take(self, key: _K, *, if_version: int | None = None, if_value: _V = ...) -> _V: ...
    def incr(
        self,
        key: _K,
        delta: int = 1,
        *,
        initial: int = 0,
        minimum: int | None = None,
        maximum: int | None = None,
        ttl: float | None = None,
        ttl_if_new: bool = False,
        if_absent: bool = False,
        if_present: bool = False,
        if_version: int | None = None,
        if_value: _V = ...,
        ephemeral: bool = False,
    ) -> int: ...
    def touch(
        self,
        key: _K,
        ttl: float | None = None,
        *,
        if_version: int | None = None,
        if_value: _V = ...,
    ) -> None: ...
    def set_many(self, items: Any, *, ttl: float | None = None) -> None: ...
    def commit(self, operations: list[Any], /) -> list[Any]: ...
    def read_listing(
        self, prefix: _K | None, since: int, what: int, /
    ) -> tuple[int, list[Any]]: ...
    def read_snapshot(self, prefix: _K | None, /) -> tuple[int, list[tuple[_K, Entry[_V]]]]: ...
    def clear(self) -> None: ...
    def delete_prefix(self, prefix: _K, /) -> int: ...
    def database_info(self, name: str | None, /) -> dict[str, Any]: ...
    def database_list(self) -> list[dict[str, Any]]: ...
    def database_create(
        self,
        name: str | None,
        *,
        owner: int | None = None,
        group: int | None = None,
        mode: int | None = None,
        max_bytes: int | None = None,
        max_keys: int | None = None,
        evict: bool | None = None,
        shared: bool | None = None,
    ) -> None: ...
    def database_alter(
        self,
        name: str | None,
        *,
        owner: int | None = None,
        group: int | None = None,
        mode: int | None = None,
        max_bytes: int | None = None,
        max_keys: int | None = None,
        evict: bool | None = None,
        shared: bool | None = None,
    ) -> None: ...
    def database_delete(self, name: str | None, /) -> None: ...
    def database_seal(self, name: str | None, /) -> None: ...
    def database_replace(self, replacements: dict[str, str], /) -> None: ...
    def close(self) -> None: ...
    def reopen(self) -> None: ...
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

class Watch(Generic[_K, _V]):
    def __new__(
        cls: type[_S],
        store: Store[Any, Any],
        key: Any,
        is_key: bool,
        initial: bool,
        since: int | None,
    ) -> _S: ...
    @property
    def revision(self) -> int: ...
    has_event: bool
    def next_event(
        self, timeout: float | None, /
    ) -> tuple[Any, _K | None, Entry[_V] | None, int, int, int, bool] | None: ...
    def sync(self) -> None: ...
    def fileno(self) -> int: ...
    def close(self) -> None: ...
    def forget(self) -> None: ...
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...

@final
class Cached(Generic[_K, _V]):
    def __new__(cls: type[_S], store: Store[_K, Any], key: _K, default: _V) -> _S: ...
    def __call__(self, *args: Any, **kwargs: Any) -> _V: ...
    def get(self) -> _V: ...
    @classmethod
    def __class_getitem__(cls, item: Any, /) -> GenericAlias: ...
