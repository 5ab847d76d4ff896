#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Compares the documents with the interfaces: the manual pages of the family, the library and the module, and the table
# in docs/install.md, must name exactly what kernel/moddb.yaml, the headers and the module have; and docs/promises.md
# the tests of each promise. tools/check compares the uAPI header with the description; tests/cli/documents.py does the
# same for the command.

import glob
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

source = sys.argv[1]
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(source, "tests/support"))
from documents import Documents  # noqa: E402

documents = Documents(source)

# The family: moddb-netlink(7) lists its commands with their attributes, its attributes with their types, and no constant
# that does not exist.
family = yaml.safe_load(documents.read("kernel/moddb.yaml"))
page = documents.read("docs/man/moddb-netlink.7")
described, wanted = set(), set()
for name, text in re.findall(r"^\.It Ic ([a-z-]+)\n(.*?)(?=^\.It Ic |^\.Ss )", page, re.M | re.S):
    described.add(name)
    for direction, attributes in re.findall(r"^\.It (Request|Reply|Event):\n\.Va (.*) \.$", text, re.M):
        described.update(f"{name}, {direction}: {attribute}" for attribute in attributes.split(" , "))
for operation in family["operations"]["list"]:
    name = operation["name"]
    wanted.add(name)
    call = operation.get("do") or operation.get("dump") or {}
    for direction, side in (("Request", call.get("request")), ("Reply", call.get("reply")), ("Event", operation.get("event"))):
        wanted.update(f"{name}, {direction}: {attribute}" for attribute in (side or {}).get("attributes", ()))
documents.compare("moddb-netlink.7", described, wanted)
described, wanted = set(), set()
for constant, table in re.findall(r"^\.Dv MODDB_A_([A-Z]+)_\* [^\n]*\n\.Bl -column [^\n]*\n(.*?)^\.El", page, re.M | re.S):
    described.update(f"{constant.lower()}: {name}, {kind}" for name, kind in re.findall(r"^\.It (\S+) Ta (\S+) Ta ", table, re.M))
for name, attributes in re.findall(r"^\.Va (op|pattern|result|replace)\nhas\n\.Va (.*) [;.]$", page, re.M):
    described.update(f"{name}: {attribute}" for attribute in attributes.split(" , "))
for attributes in family["attribute-sets"]:
    for attribute in attributes["attributes"]:
        kind = "" if "subset-of" in attributes else f", {attribute['type']}"
        wanted.add(f"{attributes['name']}: {attribute['name']}{kind}")
documents.compare("moddb-netlink.7", described, wanted)
header = documents.read("include/moddb/netlink.h")
unknown = {
    name
    for name in re.findall(r"\bMODDB_[A-Z0-9_]+[A-Z0-9]", page)
    if not re.search(rf"\b{name}(_\w+)?\b", header)
}
documents.compare("moddb-netlink.7", unknown | {"moddb"}, {"moddb"})

# The library: its overview names every function, each has a manual page in which mandoc finds nothing wrong, and each that
# can fail lists its errors, all of which the header explains.
declared = re.findall(r"^MODDB_API [^;(]*?(\w+)\(", documents.read("include/moddb/moddb.h"), re.M)
documents.compare("libmoddb.3", set(re.findall(r"^\.Fn (moddb_\w+)", documents.read("docs/man/libmoddb.3"), re.M)), set(declared))
# The C++ layer: each function of the C interface that can fail is named by the errors of what calls it.
layer = documents.read("include/moddb/moddb.hpp")
failing = re.findall(r"^MODDB_API int (\w+)\(", documents.read("include/moddb/moddb.h"), re.M)
named = {name for text in re.findall(r"Errors: (.*(?:\n +// .*)*)", layer) for name in re.findall(r"(moddb_\w+)\(\)", text)}
# Functions that report a failure by their result, or that functions which throw are made of.
silent = {"moddb_fd", "moddb_watch_fd", "moddb_databases_next", "moddb_lock"}
called = {name for name in failing if re.search(rf"\b{name}\(", re.sub(r"//.*", "", layer))}
documents.compare("moddb.hpp: errors", named - silent, called - silent)
with tempfile.TemporaryDirectory() as made:
    for output in ("pages", "interface"):
        subprocess.run([os.path.join(source, "tools/manual"), output, made], check=True)
    documents.compare("manual pages", {name[:-2] for name in os.listdir(made) if name.endswith(".3")}, set(declared))
    with open(os.path.join(made, "interface.json"), encoding="utf-8") as file:
        interface = json.load(file)
    silent = {each["name"] for each in interface["functions"] if each["type"] == "int" and not each["lists_errors"]}
    documents.compare("moddb.h: lists no errors", silent | {"none"}, {"none"})
    named = {f"{each['name']}: {error}" for each in interface["functions"] for error in each["errors"]}
    explained = {name for name in named if name.rpartition(" ")[2] in interface["meanings"]}
    documents.compare("moddb.h: explained errors", explained, named)
    documents.compare("moddb.h: examples", {page for page, text in interface["examples"].items() if text}, set(interface["examples"]))
    if shutil.which("mandoc"):
        pages = [os.path.join(made, page + ".3") for page in interface["examples"]]
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning", *pages], capture_output=True, text=True, timeout=60)
        documents.compare("mandoc", {line.replace(made, "") for line in lint.stdout.splitlines()} | {"none"}, {"none"})
    else:
        print("NOT CHECKED: mandoc is not installed")

# The module: moddb(4) and docs/install.md describe each parameter.
parameters = set()
for file in glob.glob(os.path.join(source, "kernel/**/*.c"), recursive=True):
    parameters.update(re.findall(r"^module_param(?:_named)?\((\w+),", documents.read(file), re.M))
section = re.search(r"^\.Sh PARAMETERS\n(.*?)^\.Sh ", documents.read("docs/man/moddb.4"), re.M | re.S)
documents.compare("moddb.4", set(re.findall(r"^\.It Cm (\w+)", section.group(1), re.M)), parameters)
section = re.search(r"^## Module parameters\n(.*?)(?=^## |\Z)", documents.read("docs/install.md"), re.M | re.S)
documents.compare("docs/install.md", set(re.findall(r"^\| `(\w+)` \|", section.group(1), re.M)), parameters)

# The promises: each has a row with tests, and every test of a promise is in one.
promises = re.findall(r"^## (\d+\. .*)$", documents.read("docs/semantics.md"), re.M)
of_promises = "(?:promise|stress|neighbours)"
rows = dict(re.findall(r"^\| (\d+\. .*?) \| (.*) \|$", documents.read("docs/promises.md"), re.M))
documents.compare("promises.md", set(rows), set(promises))
documents.compare(
    "promises.md",
    {name for row in rows.values() for name in re.findall(rf"`({of_promises}-[\w-]+)`", row)},
    {name for name in os.listdir(os.path.join(source, "tests/guest")) if re.match(f"{of_promises}-", name)},
)
without = {promise for promise, row in rows.items() if not re.search(r"`(?:promise|stress|neighbours)-", row)}
documents.compare("promises.md: without a test", without | {"none"}, {"none"})

sys.exit(1 if documents.failures else 0)
