# SPDX-License-Identifier: MIT
"""Sessions of a Flask application in a database, shared by its worker processes."""

from __future__ import annotations

import tempfile
from typing import Any

import flask
import moddb
from adapter_case import Case
from flask_session import Session
from moddb.cachelib import ModdbCache
from support import in_child


class Sessions(Case):
    def app(self) -> Any:
        """An application that counts the visits of each session."""
        app: Any = flask.Flask("visits")
        files = tempfile.TemporaryDirectory()
        self.addCleanup(files.cleanup)
        app.config.update(SECRET_KEY="tests", SESSION_TYPE="filesystem")
        app.config.update(SESSION_FILE_DIR=files.name, SESSION_USE_SIGNER=True)
        Session(app)
        # Versions before 0.6 take no cache by a setting.
        app.session_interface.cache = ModdbCache("sessions")

        @app.get("/")
        def visit() -> dict[str, Any]:
            flask.session["visits"] = flask.session.get("visits", 0) + 1
            flask.session["seen"] = [*flask.session.get("seen", []), {flask.session["visits"]}]
            return {"visits": flask.session["visits"], "seen": len(flask.session["seen"])}

        @app.get("/end")
        def end() -> dict[str, Any]:
            flask.session.clear()
            return {}

        return app

    def test_sessions(self) -> None:
        self.addCleanup(lambda: moddb.delete("sessions"))
        client, other = self.app().test_client(), self.app().test_client()
        self.assertEqual(client.get("/").json, {"visits": 1, "seen": 1})
        self.assertEqual(client.get("/").json, {"visits": 2, "seen": 2})
        self.assertEqual(other.get("/").json, {"visits": 1, "seen": 1})
        database = moddb.open("sessions")
        self.assertEqual(len(database), 2)
        self.assertEqual(database.info().mode & 0o777, 0o600)
        for key in database:
            ttl = database.entry(key).ttl
            assert ttl is not None
            # Flask's own life time of permanent sessions.
            self.assertGreater(ttl, 30 * 24 * 3600)
        cookie = client.get("/").request.headers["Cookie"]

        # Another worker has the same session.
        def work() -> None:
            worker = self.app().test_client(use_cookies=False)
            assert worker.get("/", headers={"Cookie": cookie}).json["visits"] == 4

        in_child(work)
        self.assertEqual(client.get("/").json, {"visits": 5, "seen": 5})
        client.get("/end")
        self.assertEqual(len(database), 1)
        self.assertEqual(client.get("/").json, {"visits": 1, "seen": 1})
