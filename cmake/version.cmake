# SPDX-License-Identifier: MIT
#
# One version for the whole project: every file that has the version must have PROJECT_VERSION, or the build fails. It
# never corrects a file: a release changes them all on purpose.

# moddb_check_version(FILE REGEX): each line of FILE that matches REGEX has the version as its first group.
function(moddb_check_version file regex)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS "${PROJECT_SOURCE_DIR}/${file}")
  file(STRINGS "${PROJECT_SOURCE_DIR}/${file}" lines REGEX "${regex}")
  if(NOT lines)
    message(FATAL_ERROR "${file} does not name the version (nothing matches ${regex})")
  endif()
  list(GET lines 0 line)
  string(REGEX MATCH "${regex}" match "${line}")
  if(NOT CMAKE_MATCH_1 STREQUAL PROJECT_VERSION)
    message(FATAL_ERROR "${file} has version ${CMAKE_MATCH_1}, the project ${PROJECT_VERSION}")
  endif()
endfunction()

moddb_check_version(dkms.conf "^PACKAGE_VERSION=\"(.*)\"$")
moddb_check_version(include/moddb/moddb.h "^#define MODDB_VERSION \"(.*)\"$")
moddb_check_version(kernel/main.c "^MODULE_VERSION\\(\"(.*)\"\\);$")
moddb_check_version(packaging/debian/changelog "^moddb \\(([^-]*)-.*\\)")
moddb_check_version(packaging/rpm/moddb.spec "^Version: *(.*)$")
moddb_check_version(packaging/rpm/moddb.spec "^\\* .* - ([0-9.]*)-[0-9]*$")
moddb_check_version(CHANGELOG.md "^## ([0-9][0-9.]*)")
