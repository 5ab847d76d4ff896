# SPDX-License-Identifier: MIT
"""Settings that Django's tests of caches need."""

SECRET_KEY = "tests"
DATABASES = {
    "default": {"ENGINE": "django.db.backends.sqlite3"},
    "other": {"ENGINE": "django.db.backends.sqlite3"},
}
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"
INSTALLED_APPS = ["cache"]
USE_TZ = False
MIDDLEWARE: list[str] = []
CACHES = {"default": {"BACKEND": "moddb.django.ModdbCache", "LOCATION": "django"}}
