#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Completion in real shells on a terminal, with names that a hostile user chose: a completion must be the name itself,
# as one word, and no part of a name may ever be evaluated.

import contextlib
import os
import pty
import select
import shutil
import signal
import sys
import tempfile
import time

stub, source = map(os.path.abspath, sys.argv[1:])
completions = os.path.join(source, "cli/completions")
failures = 0


class Shell:
    def __init__(self, name, directory):
        self.output = os.path.join(directory, "words")
        self.directory = directory
        programs = {
            "bash": ["bash", "--noprofile", "--norc", "-i"],
            "zsh": ["zsh", "-f", "-i"],
            "fish": ["fish", "--no-config", "-i"],
        }
        begin = {
            "bash": f"source {completions}/moddb.bash",
            "zsh": f"fpath=({completions} $fpath); autoload -Uz compinit; compinit -u -D; unsetopt beep; echo 'be''gun'",
            "fish": f"source {completions}/moddb.fish",
        }
        environment = {
            "PATH": f"{directory}/bin:{os.environ['PATH']}", "HOME": directory, "TERM": "xterm", "LANG": "C.UTF-8",
            "LC_ALL": "C.UTF-8", "MODDB_STUB_OUTPUT": self.output, "XDG_CONFIG_HOME": directory,
            "XDG_DATA_HOME": directory, "INPUTRC": "/dev/null",
        }
        self.process, self.terminal = pty.fork()
        if self.process == 0:
            os.chdir(directory)
            os.execvpe(programs[name][0], programs[name], environment)
        self.seen = b""
        self.send(begin[name] + "\n")
        self.send("moddb ready\n")
        assert self.words(60) == ["ready"], f"{name} did not begin: {self.seen!r}"

    def send(self, text):
        os.write(self.terminal, text.encode())

    def drain(self, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            ready, _, _ = select.select([self.terminal], [], [], left)
            if not ready:
                return
            try:
                self.seen += os.read(self.terminal, 65536)
            except OSError:
                return

    def words(self, seconds=20):
        """The words that the command was run with; none if it was not run."""
        end = time.monotonic() + seconds
        while not os.path.exists(self.output):
            if time.monotonic() > end:
                return None
            self.drain(0.02)
        with open(self.output, "rb") as file:
            words = file.read().decode(errors="surrogateescape").split("\0")[:-1]
        os.unlink(self.output)
        return words

    def complete(self, line):
        """Types the line, a tab, and whatever is then needed to run it."""
        self.seen = b""
        self.send(line + "\t")
        # The shell redraws the line once it has the answer; a line that is run earlier is not completed yet.
        end = time.monotonic() + 10
        while not os.path.exists(f"{self.output}.asked") and time.monotonic() < end:
            self.drain(0.02)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{self.output}.asked")
        seen = None
        while seen != self.seen:
            seen = self.seen
            self.drain(0.15)
        for closing in ("\n", "\"\n", "'\n"):
            self.send(closing)
            found = self.words(3)
            if found is not None:
                return found
        self.send("\x03")
        self.drain(0.3)
        return None

    def close(self):
        os.kill(self.process, signal.SIGKILL)
        os.waitpid(self.process, 0)
        os.close(self.terminal)


CASES = [
    ("moddb get a1", ["get", "a1$(touch pwned)"]),
    ("moddb get b1", ["get", "b1`touch pwned`"]),
    ("moddb get c1", ["get", "c1;touch pwned"]),
    ("moddb get d1", ["get", "d1 x\"y'z"]),
    ("moddb get e", ["get", "e1:f:g"]),
    ("moddb get e1:f", ["get", "e1:f:g"]),
    ("moddb get h1", ["get", "h1$HOME"]),
    ("moddb get i1", ["get", "i1*?[a]"]),
    ("moddb get k1", ["get", "k1&touch pwned|<>"]),
    ("moddb get l1", ["get", "l1!x"]),
    ("moddb get m1", ["get", "m1\\n"]),
    ("moddb get ö1", ["get", "ö1#"]),
    ("moddb get q1", ["get", "q1=r"]),
    ("moddb get s1", ["get", "s1{a,b}"]),
    ("moddb get -- -n", ["get", "--", "-n1"]),
    ("moddb get x e", ["get", "x", "e1:f:g"]),
    ("moddb set a1", ["set", "a1$(touch pwned)"]),
    # Never completed: they have control characters.
    ("moddb get f1", ["get", "f1"]),
    ("moddb get g1", ["get", "g1"]),
    ("moddb get o1", ["get", "o1"]),
    ("moddb get p1", ["get", "p1"]),
    ("moddb -d A1", ["-d", "A1$(touch>pwned)"]),
    ("moddb -d B1", ["-d", "B1`touch>pwned`"]),
    ("moddb -d C1:", ["-d", "C1:x"]),
    ("moddb db delete D1", ["db", "delete", "D1'\"x"]),
    ("moddb db delete E1", ["db", "delete", "E1;id>pwned&"]),
    ("moddb sa", ["save"]),
    ("moddb db cr", ["db", "create"]),
    ("moddb set --if-a", ["set", "--if-absent"]),
    ("moddb --transport dev", ["--transport", "device"]),
    ("moddb restore fil", ["restore", "file name"]),
]
QUOTED = [
    ("moddb get \"a1", ["get", "a1$(touch pwned)"]),
    ("moddb get 'a1", ["get", "a1$(touch pwned)"]),
    ("moddb get \"b1", ["get", "b1`touch pwned`"]),
    ("moddb get \"e1:f", ["get", "e1:f:g"]),
    ("moddb get e1\\:f", ["get", "e1:f:g"]),
]

for name in ("bash", "zsh", "fish"):
    if not shutil.which(name):
        print(f"NOT CHECKED: {name} is not installed, so nothing has completed anything in it")
        continue
    with tempfile.TemporaryDirectory() as directory:
        os.mkdir(f"{directory}/bin")
        os.symlink(stub, f"{directory}/bin/moddb")
        open(f"{directory}/file name", "w").close()
        shell = Shell(name, directory)
        try:
            for line, wanted in CASES + QUOTED:
                found = shell.complete(line)
                # Some shells put a blank behind a word and others a quote; the words are the same.
                if found != wanted:
                    print(f"{name}: {line!r} became {found} instead of {wanted}: {shell.seen!r}")
                    failures += 1
            if os.path.exists(f"{directory}/pwned"):
                print(f"{name}: a name was evaluated")
                failures += 1
        finally:
            shell.close()
sys.exit(1 if failures else 0)
