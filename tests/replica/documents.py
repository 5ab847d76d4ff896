#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Holds moddb-replica(8) to the program: it must name the same commands, options and settings, no fewer and no more.

import os
import re
import subprocess
import sys

program, source = sys.argv[1:]
sys.dont_write_bytecode = True
sys.path.insert(0, os.path.join(source, "tests/support"))
from documents import Documents  # noqa: E402

documents = Documents(source)
help_text = subprocess.run([program, "help"], check=True, capture_output=True, text=True, timeout=60).stdout
page = documents.read("docs/man/moddb-replica.8")
described = page[page.index(".Sh DESCRIPTION"):page.index(".Sh FILES")]
files = page[page.index(".Sh FILES"):page.index(".Sh EXIT STATUS")]

commands = set(re.findall(r"^  (\w+) ", help_text, re.M))
if len(commands) < 5:
    sys.exit("moddb-replica help lists too few commands to be true")
documents.compare("moddb-replica.8, commands", set(re.findall(r"^\.It Ic (\w+)", described, re.M)), commands)
documents.compare("moddb-replica.8, options", set(re.findall(r"^\.It Fl \\-([a-z-]+)", described, re.M)),
                  set(re.findall(r"^ +--([a-z-]+)", help_text, re.M)))
settings = set(re.findall(r'\bSetting\{"([a-z-]+)"', documents.read("replica/configuration.cpp")))
named = {name for line in re.findall(r"^\.It Cm (.*)$", files, re.M) for name in line.split(" , ")}
documents.compare("moddb-replica.8, settings", named, settings)

sys.exit(1 if documents.failures else 0)
