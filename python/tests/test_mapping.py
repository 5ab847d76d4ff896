# SPDX-License-Identifier: MIT
"""A database as a mapping: of bytes, str and JSON values."""

from __future__ import annotations

import collections.abc
import os
import sys
import pickle
from typing import Any, Callable

import moddb
from moddb.roomy import ROOMY
from support import Case, command


class Bytes(Case):
    def test_read_and_write(self) -> None:
        database = self.open()
        database[b"k"] = b"v"
        self.assertEqual(database[b"k"], b"v")
        self.assertEqual(database.get(b"k"), b"v")
        self.assertIn(b"k", database)
        self.assertEqual(len(database), 1)
        self.assertEqual(command("get", "k"), "v\n")
        del database[b"k"]
        self.assertNotIn(b"k", database)
        self.assertIsNone(database.get(b"k"))
        self.assertEqual(database.get(b"k", b"d"), b"d")
        self.assertEqual(database.get(b"k", default=b"d"), b"d")
        with self.assertRaises(KeyError) as raised:
            database[b"k"]
        self.assertEqual(raised.exception.args, (b"k",))
        with self.assertRaises(KeyError):
            del database[b"k"]

    def test_values_of_every_length(self) -> None:
        # The lengths take different paths: the reader's buffer, a batch, one message, several.
        database = self.open()
        for length in (0, 1, 512, 513, 4095, 4096, 4097, 30720, 30721, 100_000, 1 << 20):
            value = os.urandom(length)
            database[b"k"] = value
            # The first reads of a session ask the kernel, later ones the window.
            for _ in range(40):
                self.assertEqual(database[b"k"], value)
                self.assertIn(b"k", database)
            self.assertEqual(database.entry(b"k").value, value)
            self.assertEqual(database.get_many([b"k"]), {b"k": value})
            self.assertEqual(list(database.items()), [(b"k", value)])
            self.assertEqual(database.pop(b"k"), value)
            database.set_many({b"k": value})
            self.assertEqual(database[b"k"], value)
        with self.assertRaises(moddb.TooLarge):
            database[b"k"] = bytes((1 << 20) + 1)

    def test_bytes_like_values(self) -> None:
        database = self.open()
        for value in (bytearray(b"abc"), memoryview(b"abc")):
            database[b"k"] = value
            self.assertEqual(database[b"k"], b"abc")

    def test_keys(self) -> None:
        database = self.open()
        for key in (b"\0", b"a\0b", bytes(range(256)), b"k" * 1024):
            database[key] = key
            self.assertEqual(database[key], key)
        with self.assertRaises(moddb.TooLarge):
            database[b"k" * 1025]
        with self.assertRaises(moddb.InvalidArgument):
            database[b""] = b"v"

    def test_wrong_types(self) -> None:
        database = self.open()
        wrong: Any
        for wrong in ("k", 1, None):
            calls: list[Callable[[], Any]] = [
                lambda: database[wrong],
                lambda: database.get(wrong),
                lambda: wrong in database,
                lambda: database.set(wrong, b"v"),
                lambda: database.delete(wrong),
                lambda: database.incr(wrong),
                lambda: database.touch(wrong),
                lambda: database.entry(wrong),
                lambda: database.get_many([b"a", wrong]),
                lambda: database.set_many({b"a": b"v", wrong: b"v"}),
                lambda: database.list_keys(wrong if wrong is not None else 0),
            ]
            for call in calls:
                with self.assertRaisesRegex(TypeError, "must be bytes"):
                    call()
        for wrong in ("v", 1, None):
            with self.assertRaisesRegex(TypeError, "must be bytes"):
                database[b"k"] = wrong
        self.assertEqual(len(database), 0)

    def test_views(self) -> None:
        database = self.open()
        wanted = {b"%d" % number: b"v%d" % number for number in range(500)}
        database.update(wanted)
        self.assertEqual(set(database), set(wanted))
        self.assertEqual(set(database.keys()), set(wanted))
        self.assertEqual(dict(database.items()), wanted)
        self.assertEqual(sorted(database.values()), sorted(wanted.values()))
        self.assertEqual(database, wanted)
        self.assertEqual(len(database.items()), 500)
        self.assertIn((b"3", b"v3"), database.items())
        self.assertIn(b"v3", database.values())
        self.assertNotIn(b"nothing", database.values())
        self.assertEqual(set(database.list_keys(b"49")), {b"49", *(b"49%d" % n for n in range(10))})
        self.assertIsInstance(database, collections.abc.MutableMapping)
        # It may be changed while it is iterated over.
        for key in database:
            del database[key]
        self.assertEqual(len(database), 0)

    def test_mapping_methods(self) -> None:
        database = self.open()
        self.assertEqual(database.setdefault(b"a", b"1"), b"1")
        self.assertEqual(database.setdefault(b"a", b"2"), b"1")
        self.assertEqual(database.pop(b"a"), b"1")
        self.assertEqual(database.pop(b"a", b"d"), b"d")
        self.assertIsNone(database.pop(b"a", None))
        with self.assertRaises(KeyError):
            database.pop(b"a")
        database[b"a"] = b"1"
        self.assertEqual(database.popitem(), (b"a", b"1"))
        with self.assertRaises(KeyError):
            database.popitem()
        database.update([(b"a", b"1"), (b"b", b"2")])
        database.clear()
        self.assertEqual(dict(database), {})

    def test_update_is_one_transaction(self) -> None:
        database = self.open()
        database.update({b"%d" % number: b"v" for number in range(128)})
        versions = {database.entry(key).version for key in database}
        times = {database.entry(key).time for key in database}
        self.assertEqual((len(versions), len(times)), (128, 1))
        # More than one may have: all of them are written, but not at one instant.
        database.update({b"%d" % number: b"w" for number in range(1025)})
        self.assertEqual(set(database.values()), {b"w"})
        database.update({b"long": bytes(40000), b"short": b""})
        self.assertEqual(len(database[b"long"]), 40000)

    def test_many(self) -> None:
        database = self.open()
        wanted = {b"%d" % number: os.urandom(number) for number in range(1500)}
        database.set_many(wanted)
        self.assertEqual(database.get_many(list(wanted) + [b"nothing"]), wanted)
        for count in (42, 43, 64, 65, 500):
            keys = [b"%d" % number for number in range(count, 0, -1)]
            self.assertEqual(list(database.get_many(keys)), keys)
            self.assertEqual(database.get_many(key + b"?" for key in keys), {})
        self.assertEqual(ROOMY, {None: None})
        self.assertGreater(sys.getsizeof(ROOMY), sys.getsizeof({None: None}))
        # After a value of the same length, a longer, a shorter one, none.
        lengths = [5, 5, 9, 9, 5, 0, 9, 0, 512, 512, 513, 5, 600, 1499, 512, 1, 0, 0]
        for begin in range(len(lengths)):
            keys = [b"%d" % length for length in lengths[begin:]] + [b"nothing", b"9"]
            values = {key: wanted[key] for key in keys if key != b"nothing"}
            self.assertEqual(database.get_many(keys), values)
        self.assertEqual(database.get_many(iter([b"1", b"1"])), {b"1": wanted[b"1"]})
        key: Any = "1"
        with self.assertRaisesRegex(TypeError, "must be bytes"):
            database.get_many([b"1", b"2", key])
        self.assertEqual(database.get_many([]), {})
        database.set_many({})
        with self.assertRaises(moddb.TooLarge) as raised:
            database.set_many({b"x": b"1", b"k" * 1025: b"2", b"y": b"3"})
        self.assertEqual(raised.exception.key, b"k" * 1025)


class Text(Case):
    def test_text(self) -> None:
        database = self.open(codec="utf-8")
        database["ä"] = "ö"
        self.assertEqual(database["ä"], "ö")
        self.assertEqual(command("get", "ä"), "ö\n")
        long = "ü" * 10000
        database["ä"] = long
        self.assertEqual(database["ä"], long)
        self.assertEqual(dict(database), {"ä": long})
        wrong: Any = b"k"
        with self.assertRaisesRegex(TypeError, "must be str"):
            database[wrong]
        with self.assertRaisesRegex(TypeError, "must be str"):
            database["k"] = wrong

    def test_keys_of_others(self) -> None:
        # Another program's key of any bytes breaks no listing, and can be used as any other.
        self.open()[b"\xff\0"] = b"v"
        database = self.open(codec="utf-8")
        self.assertEqual(list(database), ["\udcff\0"])
        self.assertEqual(database["\udcff\0"], "v")
        del database["\udcff\0"]

    def test_values_of_others(self) -> None:
        self.open()[b"k"] = b"\xff"
        with self.assertRaises(UnicodeDecodeError):
            self.open(codec="utf-8")["k"]


class Json(Case):
    def test_values(self) -> None:
        database = self.open(codec="json")
        for value in (None, True, 1, 1.5, "ä", [1, [2]], {"a": {"b": None}}, "x" * 10000):
            database["k"] = value
            self.assertEqual(database["k"], value)
            self.assertEqual(database.setdefault("k", 7), value)
            self.assertEqual(database.get_many(["k"]), {"k": value})
            self.assertEqual(database.pop("k"), value)
        self.assertEqual(database.incr("n", 5), 5)
        self.assertEqual(database["n"], 5)
        with self.assertRaises(TypeError):
            database["k"] = object()
        self.assertNotIn("k", database)

    def test_values_of_others(self) -> None:
        self.open()[b"k"] = b"{"
        database = self.open(codec="json")
        with self.assertRaises(ValueError):
            database["k"]
        # The value that the condition found is not reported then.
        with self.assertRaises(moddb.Conflict) as raised:
            database.set("k", 1, if_absent=True)
        self.assertIsNone(raised.exception.value)

    def test_nothing_is_unpickled_unless_asked(self) -> None:
        class Attack:
            def __reduce__(self) -> Any:
                return os._exit, (1,)

        self.open()[b"k"] = pickle.dumps(Attack())
        for codec in ("utf-8", "json"):
            with self.assertRaises(ValueError):
                self.open(codec=codec)["k"]
        self.open(codec=moddb.PICKLE)["p"] = {1, 2}
        self.assertEqual(self.open(codec=moddb.PICKLE)["p"], {1, 2})

    def test_codec(self) -> None:
        database = self.open(codec=moddb.Codec(lambda n: b"%d" % n, int))
        database["n"] = 5
        self.assertEqual(database.incr("n"), 6)
        self.assertEqual(database["n"], 6)
        with self.assertRaisesRegex(ValueError, "no codec"):
            self.open(codec="latin-1")
        # The functions may use the database, and close it.
        odd = self.open(codec=moddb.Codec(lambda n: b"1", lambda b: odd.close()))
        odd["a"] = 1
        odd["b"] = 1
        self.assertIsNone(odd["a"])
        with self.assertRaisesRegex(ValueError, "closed"):
            odd["a"]
        odd.reopen()
        with self.assertRaises(ValueError):
            odd.get_many(["a", "b"]), odd.get_many(["a"])
        odd.reopen()
        self.assertEqual([value for _, value in odd.items()], [None, None, None])
