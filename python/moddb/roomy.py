# SPDX-License-Identifier: MIT
"""A dict with room for many entries: get_many() fills copies of it, which need not grow.

The growing of a dict takes a sixth of the time of get_many(), and the limited API has no function
that makes a dict of a given size.
"""

from __future__ import annotations


class _Unequal:
    """A key that cannot be compared with None, and has its hash."""

    def __hash__(self) -> int:
        return hash(None)

    def __eq__(self, other: object) -> bool:
        raise ArithmeticError


def roomy(count: int) -> dict[object, None]:
    """A dict with the key None, and room for that many entries.

    CPython makes room for all entries of another dict before it adds the first one, which fails
    here. Where it does not, the result is as good as any dict.
    """
    result: dict[object, None] = {None: None}
    others: dict[object, None] = {_Unequal(): None, **dict.fromkeys(range(count))}
    try:
        result.update(others)
    except ArithmeticError:
        pass
    return result if len(result) == 1 else {None: None}


ROOMY = roomy(64)
"""As large as a dict is that has grown to more than 42 entries."""
