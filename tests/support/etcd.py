# SPDX-License-Identifier: MIT
#
# Members of an etcd cluster for tests, and a client that starts no process: etcd also takes its requests as JSON.

import base64
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.error
import urllib.request


def encode(data):
    return base64.b64encode(data).decode()


def decode(text):
    return base64.b64decode(text)


def end_of_prefix(prefix):
    return prefix[:-1] + bytes([prefix[-1] + 1])


class Cluster:
    """Members on this machine, each with a directory of its own. The arguments are for all of them."""

    # For the tests' requests: their encryption, and a user's token.
    scheme = "http"
    context = None
    token_of_user = None

    def __init__(self, size=1, port=2379, token="one", arguments=()):
        self.directory = tempfile.mkdtemp(prefix="etcd.")
        self.arguments = arguments
        self.token = token
        self.ports = [port + 100 * i for i in range(size)]
        self.members = [None] * size

    def __enter__(self):
        for index in range(len(self.members)):
            self.start(index)
        self.wait()
        return self

    def __exit__(self, *_):
        for index in range(len(self.members)):
            self.kill(index)
        shutil.rmtree(self.directory)

    @property
    def endpoints(self):
        return ",".join(f"127.0.0.1:{port}" for port in self.ports)

    def start(self, index=0):
        port = self.ports[index]
        members = ",".join(f"m{i}=http://127.0.0.1:{p + 1}" for i, p in enumerate(self.ports))
        with open(f"{self.directory}/m{index}.log", "ab") as log:
            self.members[index] = subprocess.Popen(
                ["etcd", "--name", f"m{index}", "--data-dir", f"{self.directory}/m{index}",
                 "--listen-client-urls", f"{self.scheme}://127.0.0.1:{port}",
                 "--advertise-client-urls", f"{self.scheme}://127.0.0.1:{port}",
                 "--listen-peer-urls", f"http://127.0.0.1:{port + 1}",
                 "--initial-advertise-peer-urls", f"http://127.0.0.1:{port + 1}",
                 # A loaded machine must not make members elect a leader again and again.
                 "--heartbeat-interval", "500", "--election-timeout", "5000",
                 "--initial-cluster", members, "--initial-cluster-token", self.token, *self.arguments],
                stdout=log, stderr=log, stdin=subprocess.DEVNULL,
            )

    def kill(self, index=0):
        if member := self.members[index]:
            member.kill()
            member.wait()
            self.members[index] = None

    def pause(self, index=0):
        """Stops it; it has stopped when this returns."""
        self.members[index].send_signal(signal.SIGSTOP)
        os.waitpid(self.members[index].pid, os.WUNTRACED)

    def resume(self, index=0):
        self.members[index].send_signal(signal.SIGCONT)

    def log(self, index=0):
        with open(f"{self.directory}/m{index}.log", encoding="utf-8", errors="replace") as file:
            return "".join(file.readlines()[-20:])

    def wait(self, seconds=120):
        """Waits until a running member answers a request that needs a quorum."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.revision()
            except OSError:
                assert time.monotonic() < end, f"no etcd within {seconds} s: {self.log()}"
                time.sleep(0.05)

    def call(self, path, timeout=60, **request):
        """Returns the answer of a running member. Raises OSError if there is none."""
        ports = [port for port, member in zip(self.ports, self.members) if member]
        if not ports:
            raise OSError("no member runs")
        request = urllib.request.Request(f"{self.scheme}://127.0.0.1:{ports[0]}/v3/{path}", json.dumps(request).encode())
        if self.token_of_user:
            request.add_header("Authorization", self.token_of_user)
        try:
            with urllib.request.urlopen(request, timeout=timeout, context=self.context) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            raise OSError(f"{path}: {error.read()[:200]!r}") from None

    def revision(self):
        return int(self.call("kv/range", timeout=2, key=encode(b"x"))["header"]["revision"])

    def leader(self):
        """Returns the index of the leader."""
        for index, port in enumerate(self.ports):
            if self.members[index]:
                status = self.call("maintenance/status")
                names = {m["ID"]: m["name"] for m in self.call("cluster/member/list")["members"]}
                return int(re.sub(r"\D", "", names[status["leader"]]))
        raise OSError("no member runs")

    def txn(self, *operations):
        """Runs operations (key, value), or (key, None) to delete, in one transaction. Returns the revision."""
        success = []
        for key, value in operations:
            if value is None:
                success.append({"request_delete_range": {"key": encode(key)}})
            else:
                success.append({"request_put": {"key": encode(key), "value": encode(value)}})
        return int(self.call("kv/txn", success=success)["header"]["revision"])

    def put(self, key, value):
        return self.txn((key, value))

    def insist(self, key, value, seconds=120):
        """Puts although members come and go: repeats a put that got no answer."""
        end = time.monotonic() + seconds
        while True:
            try:
                return self.put(key, value)
            except OSError:
                assert time.monotonic() < end, f"no put within {seconds} s: {self.log()}"
                time.sleep(0.05)

    def fill(self, entries):
        """Puts all of a dict, in transactions of at most 128. Returns the last revision."""
        items, revision = list(entries.items()), 0
        for begin in range(0, len(items), 128):
            revision = self.txn(*items[begin:begin + 128])
        return revision

    def delete_prefix(self, prefix):
        request = {"key": encode(prefix), "range_end": encode(end_of_prefix(prefix))}
        return int(self.call("kv/deleterange", **request)["header"]["revision"])

    def compact(self, revision):
        self.call("kv/compaction", revision=revision, physical=True)

    def range(self, prefix, revision=0):
        """Returns the keys without the prefix, each with (value, modification revision)."""
        answer = self.call("kv/range", timeout=60, key=encode(prefix), range_end=encode(end_of_prefix(prefix)), revision=revision)
        return {
            decode(entry["key"])[len(prefix):]: (decode(entry.get("value", "")), int(entry["mod_revision"]))
            for entry in answer.get("kvs", [])
        }
