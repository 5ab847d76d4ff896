#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Writes the commands and attributes of the family, from its description in YAML, as a C++ header for the fuzzer."""
import contextlib
import sys

import yaml


def constant(*parts):
    return "_".join(parts).upper().replace("-", "_")


def most(attribute, constants):
    bound = attribute.get("checks", {}).get("max-len", 0)
    return constants.get(bound, bound)


def main(path):
    with open(path, encoding="utf-8") as file:
        family = yaml.safe_load(file)
    constants = {d["name"]: d["value"] for d in family["definitions"] if d["type"] == "const"}
    # The greatest value that has a meaning, and one more.
    enums = {
        d["name"]: 2 ** len(d["entries"]) - 1 if d["type"] == "flags" else len(d["entries"])
        for d in family["definitions"]
        if d["type"] in ("enum", "flags")
    }
    # An attribute "if-something" requires the value "something" of another.
    choices = {
        "if-" + entry["name"]: (d["name"], number)
        for d in family["definitions"]
        if d["type"] == "enum"
        for number, entry in enumerate(d["entries"])
    }
    sets = {s["name"]: s for s in family["attribute-sets"]}

    print("// Generated from", path.rsplit("/", 1)[-1], "by describe.py.")
    for name, attributes in sets.items():
        whole = {a["name"]: a for a in sets[attributes.get("subset-of", name)]["attributes"]}
        rows = []
        for attribute in attributes["attributes"]:
            full = whole[attribute["name"]]
            nested = full.get("nested-attributes", "")
            chooser, choice = choices.get(attribute["name"], ("", 0))
            rows.append(
                '    {%s, Kind::%s, %s, %s, "%s", "%s", "%s", %s},'
                % (
                    constant("moddb_a", attributes.get("subset-of", name), attribute["name"]),
                    full["type"] + "_",
                    most(full, constants),
                    enums.get(full.get("enum"), 0),
                    nested,
                    full.get("enum", ""),
                    chooser,
                    choice,
                )
            )
        print("constexpr Attribute attributes_%s[] = {" % name, *rows, "};", sep="\n")
    print("constexpr Set sets[] = {")
    for name in sets:
        print('    {"%s", attributes_%s, std::size(attributes_%s)},' % (name, name, name))
    print("};")

    commands = []
    for operation in family["operations"]["list"]:
        name = operation["name"]
        for kind in ("do", "dump"):
            if kind not in operation:
                continue
            wanted = operation[kind].get("request", {}).get("attributes", [])
            print("constexpr std::uint16_t request_%s[] = {0" % name.replace("-", "_"), end="")
            for attribute in wanted:
                print(", " + constant("moddb_a", operation["attribute-set"], attribute), end="")
            print("};")
            commands.append(
                '    {%s, %s, "%s", request_%s + 1, std::size(request_%s) - 1},'
                % (
                    constant("moddb_cmd", name),
                    "true" if kind == "dump" else "false",
                    operation["attribute-set"],
                    name.replace("-", "_"),
                    name.replace("-", "_"),
                )
            )
    print("constexpr Command commands[] = {", *commands, "};", sep="\n")


with open(sys.argv[2], "w", encoding="utf-8") as output, contextlib.redirect_stdout(output):
    main(sys.argv[1])
