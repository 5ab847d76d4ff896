# SPDX-License-Identifier: MIT
"""Builds a wheel over the installed libmoddb, with the library's version. CMake does not use this.

Run it in the project's tree, with the headers of fmt and xxhash installed, as for the command.
"""

import glob
import subprocess
import sysconfig

from setuptools import Extension, setup


def pkg_config(option: str) -> list[str]:
    """The output of pkg-config for the library."""
    return subprocess.check_output(["pkg-config", option, "moddb"], text=True).split()


# Free-threaded interpreters have no limited API, so a wheel for them serves one version.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")

# Saving and restoring is the command's code, in a directory next to this one.
CLI = "../cli"
ARCHIVE = [
    *(f"archive/{name}" for name in ("encode", "file", "reader", "restore", "save", "writer")),
    *("bulk_writer", "counters", "entries", "exit_status", "session", "text/escape", "text/format"),
]
LIMITED_API = [("Py_LIMITED_API", "0x030b0000")] if LIMITED else []

setup(
    version=pkg_config("--modversion")[0],
    ext_modules=[
        Extension(
            "moddb._moddb",
            sorted(glob.glob("extension/*.c")),
            define_macros=[("_DEFAULT_SOURCE", "1"), *LIMITED_API],
            extra_compile_args=["-std=c99", *pkg_config("--cflags")],
            extra_link_args=[*pkg_config("--libs"), "-lm"],
            py_limited_api=LIMITED,
        ),
        Extension(
            "moddb._archive",
            ["extension/archive.cpp", *(f"{CLI}/{name}.cpp" for name in ARCHIVE)],
            define_macros=LIMITED_API,
            include_dirs=[CLI],
            extra_compile_args=["-std=c++20", "-fvisibility=hidden", *pkg_config("--cflags")],
            extra_link_args=pkg_config("--libs"),
            language="c++",
            py_limited_api=LIMITED,
        ),
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
