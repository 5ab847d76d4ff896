# shellcheck shell=bash disable=SC2154  # repo, cache: of the scripts that source this
# SPDX-License-Identifier: MIT
#
# Lets CMake compile through a cache that all checkouts of this repository share. Sourced after tools/guest/common.sh.

export CMAKE_C_COMPILER_LAUNCHER=ccache CMAKE_CXX_COMPILER_LAUNCHER=ccache
# Paths below the checkout count relative to it, so that another checkout finds the same objects.
export CCACHE_DIR=$cache/ccache CCACHE_BASEDIR=$repo CCACHE_NOHASHDIR=1 CCACHE_MAXSIZE=1G
