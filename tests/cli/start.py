#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Counts the instructions that a start takes, since a script may start the command thousands of times.
#
# usage: start.py COMMAND C-PROGRAM

import pathlib
import re
import subprocess
import sys
import tempfile


def instructions(*words: str) -> int:
    """Returns the instructions of the process in user mode, including those of the dynamic linker."""
    with tempfile.TemporaryDirectory() as directory:
        out = pathlib.Path(directory, "out")
        done = subprocess.run(["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *words],
                              capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", done.stderr)
    assert found, done.stderr
    return int(found[1])


command, program = sys.argv[1:]
failed = False
for most, *words in ((700_000, command, "get", "key"), (300_000, program)):
    count = instructions(*words)
    print(f"{' '.join(words)}: {count} instructions, at most {most}")
    failed |= count > most
sys.exit(failed)
