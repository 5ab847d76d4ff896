# SPDX-License-Identifier: MIT
"""The ways to reach the kernel."""

from __future__ import annotations

from typing import Literal

TransportName = Literal["auto", "netlink", "device"]

_numbers = {"auto": 0, "netlink": 1, "device": 2}


def number_of(transport: str) -> int:
    """The number that the C interface has for a transport. ValueError if there is none."""
    if transport not in _numbers:
        raise ValueError(f"no transport {transport!r}: there are {', '.join(_numbers)}")
    return _numbers[transport]
