# SPDX-License-Identifier: MIT
#
# CPack runs this on the files of the packages: it compresses manual pages and Debian's changelogs, as debhelper and
# rpmbuild do. The compressed file must never contain a time or a name.

file(GLOB_RECURSE files LIST_DIRECTORIES OFF
     ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/*.[1-8] ${CPACK_TEMPORARY_INSTALL_DIRECTORY}/changelog.Debian)
list(FILTER files INCLUDE REGEX "/man/man[1-8]/|/changelog\\.Debian$")
foreach(file ${files})
  execute_process(COMMAND gzip -9n ${file} COMMAND_ERROR_IS_FATAL ANY)
endforeach()
