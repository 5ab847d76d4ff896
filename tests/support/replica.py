# SPDX-License-Identifier: MIT
#
# Shared by the tests of the agent moddb-replica: runs it for a cluster, and looks at the copy as readers do.

import contextlib
import re
import signal
import subprocess
import tempfile

import moddb
from command import equal, until
from etcd import Cluster

PREFIX = b"/app/"
OWN = b"\0replica/"
MAX_STALE = 6


class Agent:
    """The agent of a cluster, with a configuration of its own; the database is 'copy'."""

    def __init__(self, cluster, **settings):
        self.settings = {"endpoints": cluster.endpoints, "prefix": PREFIX.decode(), "max-stale": f"{MAX_STALE}s", **settings}
        self.file = tempfile.NamedTemporaryFile("w", suffix=".conf")
        for name, value in {"database": "copy", **self.settings}.items():
            self.file.write(f"{name} = {value}\n")
        self.file.flush()
        self.process = None
        self.errors = tempfile.TemporaryFile()

    def start(self, *tracer):
        """A tracer is a command that runs the agent and ends with its status."""
        command = [*tracer, "moddb-replica", "run", self.file.name]
        self.process = subprocess.Popen(command, stderr=self.errors, stdin=subprocess.DEVNULL)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, kind, *_):
        self.kill()
        if kind:
            print(self.log())

    def log(self):
        self.errors.seek(0)
        return self.errors.read().decode()

    def kill(self, number=signal.SIGKILL):
        if self.process:
            self.process.send_signal(number)
            status = self.process.wait(60)
            self.process = None
            return status
        return None


@contextlib.contextmanager
def replica(size=1, **settings):
    """A cluster and its agent."""
    with Cluster(size) as cluster, Agent(cluster, **settings) as agent:
        yield cluster, agent


def position_of(entries):
    """Returns the fields of the position; none if there is no position."""
    return dict(re.findall(r"(\w+)=(\S+)", entries.get(OWN + b"position", b"").decode()))


def copy():
    """Returns the data and the position, both empty if the database does not exist."""
    try:
        with moddb.open("copy") as database:
            entries = dict(database.items())
    except OSError:
        return {}, {}
    return {key: value for key, value in entries.items() if not key.startswith(OWN)}, position_of(entries)


def is_at(revision):
    _, position = copy()
    return position.get("state") == "whole" and int(position["revision"]) >= revision


def follows(cluster, revision=None):
    """Waits until the copy has what etcd has, and compares."""
    until(lambda: is_at(revision or cluster.revision()), "the copy's revision")
    equal(copy()[0], {key: value for key, (value, _) in cluster.range(PREFIX).items()})


def is_fresh():
    return run_replica("status", "copy").returncode == 0


def run_replica(*words, text=""):
    return subprocess.run(["moddb-replica", *words], capture_output=True, input=text, encoding="utf-8", timeout=60)


def report(name):
    found = re.search(rf"^{name} (.*)$", run_replica("status", "copy").stdout, re.M)
    return found.group(1) if found else None


def is_held():
    return report("state") == "held"
