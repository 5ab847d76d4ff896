#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Holds the manual page and the completions to the command's own help: they must name the same commands and
# the same options, no fewer and no more. What a shell completes is asked of the shell itself.

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


# Every command with its own options, as the command tells them.
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
names = {word for path in options for word in path}

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

for path, own in options.items():
    wanted = own | (top - {"--version"})
    script = (
        'source "$1"; shift; COMP_WORDS=(moddb "$@" --); COMP_CWORD=$(($# + 1)); _moddb; printf "%s\\n" "${COMPREPLY[@]}"'
    )
    found = run("bash", "-c", script, "bash", os.path.join(source, "cli/completions/moddb.bash"), *path)
    documents.compare(f"moddb.bash, {' '.join(path)}", set(found.split()), wanted)
script = 'source "$1"; COMP_WORDS=(moddb ""); COMP_CWORD=1; _moddb; printf "%s\\n" "${COMPREPLY[@]}"'
found = run("bash", "-c", script, "bash", os.path.join(source, "cli/completions/moddb.bash"))
documents.compare("moddb.bash", set(found.split()), {path[0] for path in options})

if shutil.which("fish"):
    fish = os.path.join(source, "cli/completions/moddb.fish")
    for path, own in options.items():
        words = " ".join(path)
        found = run("fish", "--no-config", "-c", f"source {fish}; complete -C 'moddb {words} --'")
        found = {line.split("\t")[0] for line in found.splitlines()}
        documents.compare(f"moddb.fish, {words}", found, own | (top - {"--version"}))
    found = run("fish", "--no-config", "-c", f"source {fish}; complete -C 'moddb '")
    documents.compare("moddb.fish", {line.split("\t")[0] for line in found.splitlines()}, {path[0] for path in options})
else:
    print("NOT CHECKED: fish is not installed, so nothing has run moddb.fish")

# zsh completes only in a terminal: its text must do.
text = documents.read("cli/completions/_moddb")
documents.compare("_moddb", set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", text)), everything)
documents.compare("_moddb", set(re.findall(r"^ +'([a-z]+):", text, re.M)), names)
if shutil.which("zsh"):
    run("zsh", "-n", os.path.join(source, "cli/completions/_moddb"))
else:
    print("NOT CHECKED: zsh is not installed, so nothing has parsed _moddb")

sys.exit(1 if documents.failures else 0)
