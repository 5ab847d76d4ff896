# SPDX-License-Identifier: MIT
"""Builds a wheel over the libmoddb that is installed, whose version it has. CMake needs none of this."""

import glob
import subprocess
import sysconfig

from setuptools import Extension, setup


def pkg_config(option: str) -> list[str]:
    """The output of pkg-config for the library."""
    return subprocess.check_output(["pkg-config", option, "moddb"], text=True).split()


# Free-threaded interpreters have no limited API, so a wheel for them serves one version.
LIMITED = not sysconfig.get_config_var("Py_GIL_DISABLED")

setup(
    version=pkg_config("--modversion")[0],
    ext_modules=[
        Extension(
            "moddb._moddb",
            sorted(glob.glob("extension/*.c")),
            define_macros=[("_DEFAULT_SOURCE", "1")]
            + ([("Py_LIMITED_API", "0x030b0000")] if LIMITED else []),
            extra_compile_args=["-std=c99", *pkg_config("--cflags")],
            extra_link_args=[*pkg_config("--libs"), "-lm"],
            py_limited_api=LIMITED,
        )
    ],
    options={"bdist_wheel": {"py_limited_api": "cp311"}} if LIMITED else {},
)
