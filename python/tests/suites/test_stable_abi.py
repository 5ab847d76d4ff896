# SPDX-License-Identifier: MIT
"""The extension uses only functions of CPython's stable ABI, by CPython 3.11's own list."""

from __future__ import annotations

import os
import re
import struct
import sysconfig
import unittest
from collections.abc import Iterator

from moddb import _archive, _moddb

LIST = os.path.join(sysconfig.get_paths()["stdlib"], "test", "test_stable_abi_ctypes.py")

DYNSYM = 11


def undefined(path: str) -> Iterator[str]:
    """The symbols that a shared object of 64 bits takes from others."""
    with open(path, "rb") as file:
        data = file.read()
    (at,) = struct.unpack_from("<Q", data, 0x28)
    size, count = struct.unpack_from("<HH", data, 0x3A)
    sections = [
        struct.unpack_from("<IIQQQQII", data, at + number * size) for number in range(count)
    ]
    for _, kind, _, _, begin, length, link, _ in sections:
        if kind != DYNSYM:
            continue
        for symbol in range(begin, begin + length, 24):
            name, _, _, section = struct.unpack_from("<IBBH", data, symbol)
            if section == 0 and name != 0:
                start = sections[link][4] + name
                yield data[start : data.index(b"\0", start)].decode()


class StableABI(unittest.TestCase):
    def test_symbols(self) -> None:
        with open(LIST, encoding="utf-8") as file:
            stable = set(re.findall(r'^    "(\w+)",$', file.read(), re.M))
        self.assertIn("PyModuleDef_Init", stable)
        self.assertNotIn("_PyDict_NewPresized", stable)
        modules = (_moddb.__file__, "PyDict_SetItem"), (_archive.__file__, "PyList_SetItem")
        for path, example in modules:
            used = {name for name in undefined(path) if re.match("_?Py", name)}
            self.assertIn(example, used)
            self.assertEqual(used - stable, set())
