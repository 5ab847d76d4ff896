# SPDX-License-Identifier: MIT
"""Builds a wheel over the libmoddb that is installed, whose version it has. CMake needs none of this."""

import glob
import subprocess

from setuptools import Extension, setup


def pkg_config(option: str) -> list[str]:
    """What pkg-config says of the library."""
    return subprocess.check_output(["pkg-config", option, "moddb"], text=True).split()


setup(
    version=pkg_config("--modversion")[0],
    ext_modules=[
        Extension(
            "moddb._moddb",
            sorted(glob.glob("extension/*.c")),
            define_macros=[("Py_LIMITED_API", "0x030b0000"), ("_DEFAULT_SOURCE", "1")],
            extra_compile_args=["-std=c99", *pkg_config("--cflags")],
            extra_link_args=[*pkg_config("--libs"), "-lm"],
            py_limited_api=True,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}},
)
