# SPDX-License-Identifier: MIT
#
# Run by CPack on what it has installed for the packages: compresses manual pages and Debian's changelogs,
# as debhelper and rpmbuild do by themselves. It must never put a time or a name into the compressed file.

file(GLOB_RECURSE files LIST_DIRECTORIES OFF
     ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.[1-8] ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/changelog.Debian)
list(FILTER files INCLUDE REGEX "/man/man[1-8]/|/changelog\\.Debian$")
foreach(file ${files})
  execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
