#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Holds the manual page and the completions to the command's own help: they must name the same commands and
# the same options, no fewer and no more.

import glob
import os
import re
import shutil
import subprocess
import sys

moddb, source = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(source, "tests/support"))
from documents import Documents  # noqa: E402

documents = Documents(source)


def run(*words):
    return subprocess.run(words, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=60).stdout


def commands_in(text):
    listed = re.search(r"^Commands:\n(.*?)\n\n", text, re.M | re.S)
    return re.findall(r"^  ([a-z]+)", listed.group(1), re.M) if listed else []


def options_in(text):
    listed = re.search(r"^Options:\n((?:  .*\n)*)", text, re.M).group(1)
    return set(re.findall(r"^ +(?:-\w, )?(--[a-z-]+)", listed, re.M))


# Every command with its own options, from the command's help.
top = options_in(run(moddb, "help"))
options = {}
for command in commands_in(run(moddb, "help")):
    text = run(moddb, "help", command)
    below = commands_in(text)
    if not below:
        options[command,] = options_in(text)
    for name in below:
        options[command, name] = options_in(run(moddb, "help", command, name))
if len(options) < 20:
    sys.exit("moddb help lists too few commands to be true")
everything = top.union(*options.values())

page = documents.read("docs/man/moddb.1")
documents.compare("moddb.1", set(re.findall(r"Fl \\-([a-z-]+)", page)), {option[2:] for option in everything})
documents.compare(
    "moddb.1",
    {tuple(line.split()) for line in re.findall(r"^\.It Ic ((?:db )?[a-z]+)", page, re.M)},
    set(options),
)
if shutil.which("mandoc"):
    pages = glob.glob(os.path.join(source, "docs/man/*.[1-8]"))
    lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True, timeout=60)
    if lint.stdout:
        print(lint.stdout)
        documents.failures += 1
else:
    print("NOT CHECKED: mandoc is not installed, so nothing has looked for mistakes in the manual pages")

# Completion uses the same tables; shells.py tests it in the shells.
def completed(*words):
    answer = run(moddb, "__complete", "zsh", *words).split("\0")
    return set(answer[1:-1:2])


for path, own in options.items():
    documents.compare(f"completion, {' '.join(path)}", completed(*path, "--"), own | (top - {"--version"}))
documents.compare("completion", completed(""), {path[0] for path in options})
documents.compare("completion", completed("--"), top)
documents.compare("completion, db", completed("db", ""), {path[1] for path in options if path[0] == "db"})

sys.exit(1 if documents.failures else 0)
