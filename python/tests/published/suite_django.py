# SPDX-License-Identifier: MIT
"""Django's tests of cache backends; its own runner runs them."""

from __future__ import annotations

from cache import tests as django_tests
from django.test import TestCase, override_settings
from published import own_database

own_database("django")


@override_settings(
    CACHES=django_tests.caches_setting_for_tests(
        BACKEND="moddb.django.ModdbCache",
        LOCATION="django",
        # ModdbCache evicts instead.
        exclude={"cull", "zero_cull"},
    )
)
class ModdbCacheTests(django_tests.BaseCacheTests, TestCase):
    """All of them except those of culling."""
