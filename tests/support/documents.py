# SPDX-License-Identifier: MIT
#
# Shared by the tests of the documents: reads source files, compares sets of names, and counts differences.

import os
import sys


class Documents:
    def __init__(self, source):
        self.source = source
        self.failures = 0

    def read(self, name):
        with open(os.path.join(self.source, name), encoding="utf-8") as file:
            return file.read()

    def compare(self, what, found, wanted):
        if not wanted:
            sys.exit(f"{what}: no names were found to compare with")
        for name in sorted(wanted - found):
            print(f"{what}: {name} is missing")
            self.failures += 1
        for name in sorted(found - wanted):
            print(f"{what}: {name} does not exist")
            self.failures += 1
