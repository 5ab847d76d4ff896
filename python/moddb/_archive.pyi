# SPDX-License-Identifier: MIT
from moddb.errors import Error

def save(
    path: bytes, transport: str, names: list[str] | None, /
) -> tuple[list[tuple[str, int]], list[tuple[str, str]], list[tuple[str, Error]]]: ...
def restore(path: bytes, transport: str, check: bool, /) -> list[str]: ...
