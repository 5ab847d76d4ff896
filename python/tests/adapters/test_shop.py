# SPDX-License-Identifier: MIT
"""The example: a Flask application under gunicorn, whose workers are killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import urllib.error
import urllib.request
from typing import Any

import moddb
from adapter_case import Case
from support import sessions, until

SHOP = os.path.join(os.path.dirname(__file__), "..", "..", "examples", "shop")
URL = "http://127.0.0.1:8000"


def request(path: str, method: str = "GET") -> tuple[int, dict[str, Any]]:
    """The status and the answer of the shop."""
    try:
        with urllib.request.urlopen(
            urllib.request.Request(URL + path, method=method), timeout=60
        ) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def answers() -> bool:
    """Whether the shop answers."""
    try:
        return request("/leader")[0] == 200
    except OSError:
        return False


class Shop(Case):
    def setUp(self) -> None:
        super().setUp()
        self.database("shop")
        self.addCleanup(moddb.delete, "shop-cache")
        self.shop = moddb.open("shop", codec="utf-8")
        self.sessions_before = sessions()
        self.gunicorn = subprocess.Popen(
            ["gunicorn", "--config", "gunicorn.conf.py", "shop:app"],
            cwd=SHOP,
            start_new_session=True,
            stderr=subprocess.DEVNULL,
        )
        self.addCleanup(self.kill)
        until(answers, "an answer of the shop")

    def kill(self) -> None:
        """Kills gunicorn with all its workers."""
        if self.gunicorn.poll() is None:
            os.killpg(self.gunicorn.pid, signal.SIGKILL)
            self.gunicorn.wait()

    def prices_of_workers(self) -> dict[int, int]:
        """The price that each worker answers, by its pid; some workers may not answer."""
        found = [request("/price/lamp")[1] for _ in range(40)]
        return {answer["worker"]: answer["price"] for answer in found}

    def leader(self) -> int:
        """The pid of the leader; 0 while there is none."""
        return int(self.shop.get("leader", "0"))

    def test_shop(self) -> None:
        until(lambda: len(self.prices_of_workers()) > 1, "an answer of a second worker")
        # All of them have the price that one looked up; two may have begun at once.
        self.assertLess(int(self.shop["price/looked-up"]), 5)
        before = self.shop["price/looked-up"]
        self.prices_of_workers()
        self.assertEqual(self.shop["price/looked-up"], before)

        # Each flag arrives in every worker.
        self.shop["flag/sale"] = "on"
        until(lambda: set(self.prices_of_workers().values()) == {200}, "the sale in all workers")
        del self.shop["flag/sale"]
        until(lambda: set(self.prices_of_workers().values()) == {400}, "the end of the sale")

        # All workers share one limit.
        statuses = [request("/order/alice", "POST")[0] for _ in range(30)]
        self.assertEqual((statuses.count(200), statuses.count(429)), (10, 20))
        self.assertEqual(request("/order/bob", "POST"), (200, {"order": 11}))

        # Another worker succeeds a leader that is killed.
        until(lambda: self.leader() != 0, "a leader")
        leader = self.leader()
        os.kill(leader, signal.SIGKILL)
        until(lambda: self.leader() not in (0, leader), "another leader")
        self.assertEqual(request("/leader")[1]["leader"], self.leader())

        # Killed workers leave only what they stored.
        self.kill()
        until(lambda: self.leader() == 0, "the end of the leader's lock")
        until(lambda: sessions() <= self.sessions_before, "the end of the workers' sessions")
        self.assertEqual(
            set(self.shop),
            {"cleared-up", "limits/w/LIMITER/alice/10/1/minute", "orders"}
            | {"limits/w/LIMITER/bob/10/1/minute", "price/looked-up"},
        )
