#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Holds the documents of the interfaces to the interfaces: the manual pages of the family, the library and the
# module, and README's table, must name what kernel/moddb.yaml, the headers and the module have, no less and
# no more. That the uAPI header is the description's, tools/check tells; tests/cli/documents.py does the same
# for the command.

import glob
import os
import re
import sys

import yaml

source = sys.argv[1]
failures = 0


def read(name):
    with open(os.path.join(source, name), encoding="utf-8") as file:
        return file.read()


def compare(what, found, wanted):
    global failures
    if not wanted:
        sys.exit(f"{what}: nothing was found to compare with")
    for name in sorted(wanted - found):
        print(f"{what}: {name} is missing")
        failures += 1
    for name in sorted(found - wanted):
        print(f"{what}: there is no {name}")
        failures += 1


# The family: its requests are the table of moddb-netlink(7), and whatever constant that names exists.
family = yaml.safe_load(read("kernel/moddb.yaml"))
page = read("docs/man/moddb-netlink.7")
rows = re.findall(r"^\.It (?!Sy)(.*) Ta ", page, re.M)
compare(
    "moddb-netlink.7",
    {name for row in rows for name in row.split(" , ")},
    {operation["name"] for operation in family["operations"]["list"]},
)
header = read("include/moddb/netlink.h")
unknown = {
    name
    for name in re.findall(r"\bMODDB_[A-Z0-9_]+[A-Z0-9]", page)
    if not re.search(rf"\b{name}(_\w+)?\b", header)
}
compare("moddb-netlink.7", unknown | {"moddb"}, {"moddb"})

# The library: its overview names every function.
declared = re.findall(r"^MODDB_API [^;(]*?(\w+)\(", read("include/moddb/moddb.h"), re.M)
compare("libmoddb.3", set(re.findall(r"^\.Fn (moddb_\w+)", read("docs/man/libmoddb.3"), re.M)), set(declared))

# The module: each parameter is told of in moddb(4) and in README.
parameters = set()
for file in glob.glob(os.path.join(source, "kernel/**/*.c"), recursive=True):
    parameters.update(re.findall(r"^module_param(?:_named)?\((\w+),", read(file), re.M))
section = re.search(r"^\.Sh PARAMETERS\n(.*?)^\.Sh ", read("docs/man/moddb.4"), re.M | re.S)
compare("moddb.4", set(re.findall(r"^\.It Cm (\w+)", section.group(1), re.M)), parameters)
section = re.search(r"^## Module parameters\n(.*?)^## ", read("README.md"), re.M | re.S)
compare("README.md", set(re.findall(r"^\| `(\w+)` \|", section.group(1), re.M)), parameters)

sys.exit(1 if failures else 0)
