#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Compares the documents with the interfaces: the manual pages of the family, the library and the module, and the table
# in docs/install.md, must name exactly what kernel/moddb.yaml, the headers and the module have; and docs/promises.md
# the tests of each promise. tools/check compares the uAPI header with the description; tests/cli/documents.py does the
# same for the command.

import glob
import os
import re
import sys

import yaml

source = sys.argv[1]
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(source, "tests/support"))
from documents import Documents  # noqa: E402

documents = Documents(source)

# The family: its requests are the table of moddb-netlink(7), and whatever constant that names exists.
family = yaml.safe_load(documents.read("kernel/moddb.yaml"))
page = documents.read("docs/man/moddb-netlink.7")
rows = re.findall(r"^\.It (?!Sy)(.*) Ta ", page, re.M)
documents.compare(
    "moddb-netlink.7",
    {name for row in rows for name in row.split(" , ")},
    {operation["name"] for operation in family["operations"]["list"]},
)
header = documents.read("include/moddb/netlink.h")
unknown = {
    name
    for name in re.findall(r"\bMODDB_[A-Z0-9_]+[A-Z0-9]", page)
    if not re.search(rf"\b{name}(_\w+)?\b", header)
}
documents.compare("moddb-netlink.7", unknown | {"moddb"}, {"moddb"})

# The library: its overview names every function.
declared = re.findall(r"^MODDB_API [^;(]*?(\w+)\(", documents.read("include/moddb/moddb.h"), re.M)
documents.compare("libmoddb.3", set(re.findall(r"^\.Fn (moddb_\w+)", documents.read("docs/man/libmoddb.3"), re.M)), set(declared))

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
