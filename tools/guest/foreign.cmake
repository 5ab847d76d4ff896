# SPDX-License-Identifier: MIT
#
# A toolchain file of CMake: builds the userspace for the processor MODDB_PROCESSOR (aarch64, i686) with Debian's cross
# compiler and the libraries in the directory MODDB_SYSROOT. It must never find a library of this machine.

# CMake's own checks of the compiler read this file, too.
list(APPEND CMAKE_TRY_COMPILE_PLATFORM_VARIABLES MODDB_PROCESSOR MODDB_SYSROOT)

set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR ${MODDB_PROCESSOR})
set(CMAKE_C_COMPILER ${MODDB_PROCESSOR}-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER ${MODDB_PROCESSOR}-linux-gnu-g++)
# Debian's library directories have an older architecture name than the compiler.
string(REPLACE i686 i386 CMAKE_LIBRARY_ARCHITECTURE ${MODDB_PROCESSOR}-linux-gnu)

set(CMAKE_SYSROOT ${MODDB_SYSROOT})
set(CMAKE_FIND_ROOT_PATH_MODE_PROGRAM NEVER)
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_SYSROOT_DIR} ${MODDB_SYSROOT})
set(ENV{PKG_CONFIG_LIBDIR}
    ${MODDB_SYSROOT}/usr/lib/${CMAKE_LIBRARY_ARCHITECTURE}/pkgconfig:${MODDB_SYSROOT}/usr/share/pkgconfig)
