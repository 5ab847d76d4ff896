# SPDX-License-Identifier: MIT
#
# A toolchain file of CMake: builds the userspace for arm64 with Debian's cross compiler, against the libraries
# in the directory MODDB_SYSROOT. It must never find one of this machine's own.

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)

# What CMake tries out with the compiler reads this file, too.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MODDB_SYSROOT)
set(CMAKE_SYSROOT ${MODDB_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${MODDB_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR} ${MODDB_SYSROOT}/usr/lib/aarch64-linux-gnu/pkgconfig:${MODDB_SYSROOT}/usr/share/pkgconfig)
