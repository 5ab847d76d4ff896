#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
#
# Writes the source of a preloaded library that forwards each call to libmoddb and records the errors that it returns.
# For an error that the manual page of the function does not list, tests/guest/manual fails.

from __future__ import annotations

import json
import re
import sys

PROLOGUE = """/* SPDX-License-Identifier: MIT */
/* Made by tests/manual/wrappers.py. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <moddb/moddb.h>

static int notes = -1;

/* Early: a test may close its descriptors, or give up the right to open the file. */
__attribute__((constructor)) static void open_notes(void)
{
    const char *path = getenv("MODDB_ERROR_NOTES");

    if (path)
        notes = fcntl(open(path, O_WRONLY | O_APPEND | O_CLOEXEC), F_DUPFD_CLOEXEC, 200);
}

/* A line "listed moddb_set EINVAL", or "unlisted ...". */
static void note(const char *function, const char *error, const char *how)
{
    char line[128];
    int cancellation;

    strcpy(line, how);
    strcat(line, " ");
    strcat(line, function);
    strcat(line, " ");
    strcat(line, error);
    strcat(line, "\\n");
    /* write() must not make a cancellation point of a function that is none. */
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancellation);
    if (notes >= 0 && write(notes, line, strlen(line)) < 0)
        abort();
    pthread_setcancelstate(cancellation, &cancellation);
}
"""

WRAPPER = """
static void note_{name}(int error)
{{
    switch (-error) {{
{cases}
    default: {{
        const char *unlisted = strerrorname_np(-error);
        note("{name}", unlisted ? unlisted : "of no name", "unlisted");
    }}
    }}
}}

MODDB_API int {name}({parameters})
{{
    static int (*next)({types});
    int answer;

    if (!next)
        *(void **)&next = dlsym(RTLD_NEXT, "{name}");
    answer = next({arguments});
    if (answer < 0)
        note_{name}(answer);
    return answer;
}}
"""

CASE = """    case {error}: {{
        static int noted;
        if (!noted)
            note("{name}", "{error}", "listed");
        noted = 1;
        break;
    }}"""


def wrapper(function: dict) -> str:
    split = [re.fullmatch(r"(.*?)(\w+)", argument).groups() for argument in function["arguments"]]
    return WRAPPER.format(
        name=function["name"],
        parameters=", ".join(function["arguments"]),
        types=", ".join(type_ for type_, _ in split),
        arguments=", ".join(name for _, name in split),
        cases="\n".join(CASE.format(error=error, name=function["name"]) for error in function["errors"]),
    )


def main() -> None:
    listing, output = sys.argv[1:]
    with open(listing, encoding="utf-8") as file:
        functions = json.load(file)["functions"]
    with open(output, "w", encoding="utf-8") as file:
        file.write(PROLOGUE + "".join(wrapper(each) for each in functions if each["type"] == "int"))


main()
