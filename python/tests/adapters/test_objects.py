# SPDX-License-Identifier: MIT
"""Which databases the adapters unpickle from, and the limits of those that they create."""

from __future__ import annotations

import os
import pickle
from typing import Any

import moddb
from adapter_case import Case
from django.core.cache.backends.base import CacheKeyWarning
from moddb.cachelib import ModdbCache
from moddb.django import ModdbCache as DjangoCache
from moddb.dogpile import ModdbBackend
from support import in_children

NOBODY = 65534


class Attack:
    """Ends the process that unpickles it."""

    def __reduce__(self) -> Any:
        return os._exit, (1,)


class Trust(Case):
    def test_refuses_what_others_may_write(self) -> None:
        self.database("open", mode=0o666)
        self.database("theirs", owner=NOBODY, mode=0o644)
        moddb.open("open")[b"k"] = pickle.dumps(Attack())
        for name, who in (("default", "every user"), ("open", "every user"), ("theirs", "65534")):
            with self.assertRaisesRegex(PermissionError, who):
                ModdbCache(name)
            with self.assertRaisesRegex(PermissionError, who):
                DjangoCache(name, {})
            with self.assertRaisesRegex(PermissionError, who):
                ModdbBackend({"database": name}).deserializer
        # JSON values cannot run anything.
        with self.assertRaises(ValueError):
            ModdbCache("open", serializer="json").get("k")
        DjangoCache("open", {"OPTIONS": {"SERIALIZER": "json"}}).set("k", [1])
        self.assertEqual(moddb.open("open")[b":1:k"], b"[1]")
        with self.assertRaisesRegex(ValueError, "no serializer"):
            ModdbCache("open", serializer="yaml")

    def test_accepts_what_roots_group_may_write(self) -> None:
        self.database("group", mode=0o660)
        ModdbCache("group").set("k", {1, 2})
        self.assertEqual(ModdbCache("group").get("k"), {1, 2})

    def test_creates_a_private_database(self) -> None:
        self.addCleanup(moddb.delete, "new")
        ModdbCache("new", max_keys=10, max_bytes=100000)
        info = moddb.open("new").info()
        self.assertEqual((info.mode & 0o777, info.max_keys, info.max_bytes), (0o600, 10, 100000))
        self.assertTrue(info.evict)


class Caches(Case):
    def test_eviction_and_failed_sets(self) -> None:
        self.addCleanup(moddb.delete, "small")
        cache = ModdbCache("small", max_keys=10)
        for number in range(100):
            self.assertTrue(cache.set(str(number), number))
        self.assertEqual(cache.get("99"), 99)
        self.assertLessEqual(len(moddb.open("small")), 10)
        # A failed write leaves no older value behind.
        django = DjangoCache("small", {})
        for key in ("c", "d"):
            cache.set(key, "short")
            self.assertTrue(cache.has(key))
        self.assertFalse(cache.set("c", "x" * (2 << 20)))
        self.assertFalse(cache.has("c"))
        django.set("d", "short")
        with self.assertRaises(moddb.TooLarge):
            django.set("d", "x" * (2 << 20))
        self.assertIsNone(django.get("d"))
        self.assertEqual(cache.set_many({"a": 1, "long": "x" * (2 << 20), "b": 2}), ["a", "b"])
        self.assertFalse(cache.add("long", "x" * (2 << 20)))

    def test_counting_among_processes(self) -> None:
        self.database("cache")
        cache, django = ModdbCache("cache"), DjangoCache("cache", {})
        django.set("n", 0, timeout=100)

        def count() -> None:
            for _ in range(100):
                cache.inc("n")
                django.incr("n")

        in_children(4, count)
        self.assertEqual((cache.get("n"), django.get("n")), (400, 400))
        ttl = moddb.open("cache").entry(b":1:n").ttl
        assert ttl is not None
        self.assertLessEqual(ttl, 100)
        # A new counter of cachelib expires as other values do; text is not a number.
        self.assertIsNotNone(moddb.open("cache").entry(b"n").ttl)
        cache.set("t", "text")
        self.assertIsNone(cache.inc("t"))
        self.assertIsNone(cache.inc("n", 1 << 63))
        numbers: list[Any] = [(1.5, 1), (2**63 - 1, 1), (5, 2**70), (1, 0.5)]
        for value, delta in numbers:
            django.set("x", value)
            self.assertEqual(django.incr("x", delta), value + delta)
            self.assertEqual(django.get("x"), value + delta)

    def test_keys_of_django(self) -> None:
        self.database("cache")

        class Strict(DjangoCache):
            def validate_key(self, key: str) -> None:
                raise ArithmeticError(key)

        with self.assertRaises(ArithmeticError):
            Strict("cache", {}).set("k", 1)
        for odd in ("a b", "\x7f", "k" * 250):
            with self.assertWarns(CacheKeyWarning):
                DjangoCache("cache", {}).set(odd, 1)

    def test_prefixes(self) -> None:
        self.database("cache")
        one, other = (ModdbCache("cache", key_prefix=prefix) for prefix in ("a/", "b/"))
        one.set("k", 1)
        other.set("k", 2)
        one.clear()
        self.assertEqual((one.get("k"), other.get("k")), (None, 2))
