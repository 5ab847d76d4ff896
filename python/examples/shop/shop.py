# SPDX-License-Identifier: MIT
"""A shop whose workers share a cache, a rate limit, feature flags and a leader, without a server.

    moddb db create shop
    gunicorn --config gunicorn.conf.py shop:app
    moddb -d shop set flag/sale on
"""

from __future__ import annotations

import os
import threading
from typing import Any

import flask
from flask_caching import Cache
from limits import parse
from limits.storage import storage_from_string
from limits.strategies import MovingWindowRateLimiter

import moddb
import moddb.limits  # noqa: F401

app = flask.Flask(__name__)
database = moddb.open("shop", codec="utf-8")

# ---------------------------------------------------------------- cache

cache = Cache(
    app,
    config={
        "CACHE_TYPE": "moddb.cachelib.flask_cache",
        "CACHE_OPTIONS": {"database": "shop-cache", "max_bytes": 10 << 20},
    },
)


@cache.memoize(timeout=600)
def price(article: str) -> int:
    """The price. Looking it up takes long, so one worker does it for all."""
    database.incr("price/looked-up")
    return len(article) * 100


@app.get("/price/<article>")
def show_price(article: str) -> dict[str, Any]:
    percent = 50 if flags.get("flag/sale") == "on" else 100
    return {"price": price(article) * percent // 100, "worker": os.getpid()}


# ---------------------------------------------------------------- rate limit

storage = storage_from_string("moddb://shop")
limiter = MovingWindowRateLimiter(storage)
orders = parse("10 per minute")


@app.post("/order/<customer>")
def order(customer: str) -> Any:
    if not limiter.hit(orders, customer):
        return {"error": "too many orders"}, 429
    return {"order": database.incr("orders")}


# ---------------------------------------------------------------- flags and leader

flags: dict[str, str] = {}


def follow_flags() -> None:
    """Keeps this worker's copy of the flags up to date: changes arrive at once."""
    while True:
        flags.clear()
        try:
            for event in database.watch("flag/", initial=True):
                if event.key is None:
                    continue
                if event.entry is not None:
                    flags[event.key] = event.entry.value
                else:
                    flags.pop(event.key, None)
        except moddb.Overrun:
            continue


def lead() -> None:
    """Cleans up in one worker at a time; when that one ends for any reason, another takes over."""
    with database.lock("leader"):
        while True:
            database.incr("cleared-up")
            threading.Event().wait(1)


@app.get("/leader")
def show_leader() -> dict[str, Any]:
    return {"leader": int(database.get("leader", "0"))}


def start_threads() -> None:
    """Starts the threads of a worker; gunicorn.conf.py calls this in each."""
    for function in (follow_flags, lead):
        threading.Thread(target=function, daemon=True).start()
