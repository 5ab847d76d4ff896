# SPDX-License-Identifier: MIT
#
# Shared by the tests of the command moddb: runs the command, waits for its effects, and runs cases, each with an empty
# store.

import contextlib
import json
import os
import select
import subprocess
import sys
import time

NOBODY = 65534
cases = []


def case(function):
    cases.append(function)
    return function


class Result:
    def __init__(self, status, out, err):
        self.status, self.out, self.err = status, out, err


def run(*words, stdin=b"", user=None, env=None, timeout=60):
    """Runs the command and returns its output as bytes."""
    done = subprocess.run(
        ["moddb", *words], input=stdin, capture_output=True, timeout=timeout,
        user=user, group=user, extra_groups=[] if user else None, env={**os.environ, **(env or {})},
    )
    return Result(done.returncode, done.stdout, done.stderr.decode())


def ok(*words, **options):
    result = run(*words, **options)
    assert result.status == 0, f"moddb {' '.join(map(repr, words))}: status {result.status}: {result.err}"
    assert result.err == "", f"moddb {words}: {result.err}"
    return result.out


def fails(status, text, *words, **options):
    """Checks that the command fails with that status and one line that contains the text; returns its output."""
    result = run(*words, **options)
    assert result.status == status, f"moddb {words}: status {result.status} instead of {status}: {result.err}"
    assert result.err.startswith("moddb: ") and result.err.count("\n") == 1, result.err
    assert text in result.err, f"moddb {words}: '{text}' is not in: {result.err}"
    return result.out


def equal(found, wanted):
    assert found == wanted, f"{found!r} instead of {wanted!r}"


@contextlib.contextmanager
def started(*words, **options):
    process = subprocess.Popen(["moddb", *words], bufsize=0, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def line_of(process, seconds=20):
    ready, _, _ = select.select([process.stdout], [], [], seconds)
    assert ready, "nothing was printed"
    return process.stdout.readline()


def until(condition, what, seconds=120):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.02)


def watching(seconds=120):
    """Waits until the module has a watch."""
    until(lambda: json.loads(ok("--json", "stat"))["module"]["watches"] > 0, "a watch", seconds)


def clean():
    ok("db", "clear", "default")
    for line in ok("--json", "db", "list").splitlines():
        name = json.loads(line)["name"]
        if name != "default":
            ok("db", "delete", name)


def main():
    wanted = sys.argv[1:]
    failed = ran = 0
    for function in cases:
        if wanted and function.__name__ not in wanted:
            continue
        ran += 1
        began = time.monotonic()
        try:
            function()
        except (AssertionError, subprocess.TimeoutExpired, OSError, ValueError, KeyError, IndexError) as error:
            failed += 1
            print(f"failed: {function.__name__}: {type(error).__name__}: {error}", flush=True)
        print(f"{time.monotonic() - began:6.1f} s  {function.__name__}", flush=True)
        try:
            clean()
        except (AssertionError, subprocess.TimeoutExpired) as error:
            print(f"cleaning up after {function.__name__}: {error}", flush=True)
    print(f"{ran} cases, {failed} failed")
    return failed != 0 or ran == 0
