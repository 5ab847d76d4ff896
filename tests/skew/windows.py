#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Prints "windows" if libmoddb maps the window of a database that it reads repeatedly, else "no-windows".

It calls the library by the names and numbers of the header, like a language that cannot read C headers.
"""

import ctypes
import sys


def main():
    library = ctypes.CDLL("libmoddb.so.0")
    library.moddb_error_text.restype = ctypes.c_char_p
    handle = ctypes.c_void_p()
    if library.moddb_open(None, None, ctypes.byref(handle)) < 0:
        sys.exit(library.moddb_error_text(None).decode())
    key = (b"skew", ctypes.c_size_t(4))
    assert library.moddb_set(handle, *key, b"value", ctypes.c_size_t(5), None, None) == 0
    value = ctypes.create_string_buffer(16)
    for _ in range(100):
        length = ctypes.c_size_t(len(value))
        assert library.moddb_get(handle, *key, value, ctypes.byref(length), None) == 0
        assert value.raw[: length.value] == b"value"
    with open("/proc/self/maps", encoding="utf-8") as file:
        mapped = any("moddb" in line and "libmoddb" not in line for line in file)
    assert library.moddb_del(handle, *key, None, None) == 0
    library.moddb_close(handle)
    print("windows" if mapped else "no-windows")


main()
