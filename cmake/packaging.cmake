# SPDX-License-Identifier: MIT
#
# The files of a distribution's packages besides the programs (DKMS source, units, udev rule), and how CPack divides all
# of them into packages. Names and descriptions come from packaging/debian/, so that CPack and debhelper cannot differ.
# A plain `cmake --install` into a prefix must never install any of these.

include(GNUInstallDirs)

set(MODDB_PACKAGING OFF CACHE STRING "OFF; ON: install what belongs to a system; DEB or RPM: let CPack make packages")
set_property(CACHE MODDB_PACKAGING PROPERTY STRINGS OFF ON DEB RPM)
if(NOT MODDB_PACKAGING)
  return()
endif()

# ---------------------------------------------------------------- files besides the programs

set(dkms_source src/moddb-${PROJECT_VERSION})
install(FILES dkms.conf DESTINATION ${dkms_source} COMPONENT dkms)
install(DIRECTORY kernel DESTINATION ${dkms_source} COMPONENT dkms
        FILES_MATCHING PATTERN "*.[ch]" PATTERN Makefile PATTERN Kbuild PATTERN "*.mod.c" EXCLUDE
        PATTERN tests EXCLUDE)
install(DIRECTORY include DESTINATION ${dkms_source} COMPONENT dkms FILES_MATCHING PATTERN "*.h")
install(FILES docs/man/moddb-reload.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT dkms)
install(PROGRAMS packaging/moddb-reload DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT dkms)

install(FILES packaging/systemd/moddb.service packaging/systemd/moddb-save.service packaging/systemd/moddb-save.timer
        packaging/systemd/moddb-metrics.service packaging/systemd/moddb-metrics.timer
        DESTINATION lib/systemd/system COMPONENT cli)
foreach(unit moddb.service moddb-save.service moddb-metrics.service)
  install(FILES packaging/systemd/sandbox.conf DESTINATION lib/systemd/system/${unit}.d COMPONENT cli)
endforeach()
install(FILES packaging/udev/60-moddb.rules DESTINATION lib/udev/rules.d COMPONENT cli)
install(FILES docs/man/moddb.service.8 docs/man/moddb-metrics.timer.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT cli)
install(FILES kernel/moddb.yaml packaging/prometheus/moddb-alerts.yml packaging/prometheus/moddb-dashboard.json
        DESTINATION ${CMAKE_INSTALL_DATADIR}/moddb COMPONENT cli)

if(MODDB_REPLICA)
  install(FILES packaging/systemd/moddb-replica@.service DESTINATION lib/systemd/system COMPONENT replica)
  install(FILES packaging/replica/moddb-replica.sysusers DESTINATION lib/sysusers.d COMPONENT replica RENAME moddb-replica.conf)
  install(FILES packaging/replica/example.conf DESTINATION share/doc/moddb-replica/examples COMPONENT replica)
  install(FILES docs/man/moddb-replica.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT replica)
endif()

if(MODDB_PACKAGING STREQUAL "ON")
  return()
endif()

# ---------------------------------------------------------------- CPack: common to both formats

set(debian ${PROJECT_SOURCE_DIR}/packaging/debian)
set(generated ${PROJECT_BINARY_DIR}/packaging)
set(components dkms lib dev cli)
if(MODDB_PYTHON)
  list(APPEND components python)
endif()
if(MODDB_REPLICA)
  list(APPEND components replica)
endif()
set(deb_dkms moddb-dkms)
set(deb_lib libmoddb0)
set(deb_dev libmoddb-dev)
set(deb_cli moddb)
set(deb_python python3-moddb)
set(deb_replica moddb-replica)
set(rpm_dkms moddb-dkms)
set(rpm_lib libmoddb)
set(rpm_dev libmoddb-devel)
set(rpm_cli moddb)
set(rpm_replica moddb-replica)

set(CPACK_GENERATOR ${MODDB_PACKAGING})
set(CPACK_VERBATIM_VARIABLES ON)
set(CPACK_PACKAGE_NAME moddb)
set(CPACK_PACKAGE_VENDOR "The moddb authors")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_COMPONENTS_ALL ${components})
set(CPACK_COMPONENTS_GROUPING IGNORE)
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE
                                                WORLD_READ WORLD_EXECUTE)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/compress.cmake)
# Else it would be put before the text of each package.
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "")

file(STRINGS ${debian}/changelog latest LIMIT_COUNT 1)
string(REGEX MATCH "-([^)]*)\\)" match "${latest}")
set(debian_revision ${CMAKE_MATCH_1})
file(READ ${debian}/control control)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${debian}/changelog ${debian}/control)

# moddb_control_field(PACKAGE FIELD VARIABLE): a field of one package in debian/control; empty if it has none.
function(moddb_control_field package field variable)
  string(REGEX MATCH "\nPackage: ${package}\n(.*)" match "${control}")
  string(REGEX REPLACE "\n\n.*" "\n" stanza "\n${CMAKE_MATCH_1}")
  set(value "")
  if(stanza MATCHES "\n${field}: *([^\n]*(\n [^\n]*)*)")
    set(value "${CMAKE_MATCH_1}")
  endif()
  set(${variable} "${value}" PARENT_SCOPE)
endfunction()

# moddb_maintainer_scripts(PACKAGE VARIABLE): the package's scripts, with the parts that debhelper would add.
function(moddb_maintainer_scripts package variable)
  set(scripts "")
  foreach(script postinst prerm postrm)
    set(text "#!/bin/sh\nset -e\n\n#DEBHELPER#\n")
    set(addition "")
    if(EXISTS ${debian}/${package}.${script})
      file(READ ${debian}/${package}.${script} text)
    endif()
    if(EXISTS ${PROJECT_SOURCE_DIR}/packaging/cpack/${package}.${script})
      file(READ ${PROJECT_SOURCE_DIR}/packaging/cpack/${package}.${script} addition)
      string(CONFIGURE "${addition}" addition @ONLY)
    elseif(NOT EXISTS ${debian}/${package}.${script})
      continue()
    endif()
    string(REPLACE "#DEBHELPER#\n" "${addition}" text "${text}")
    file(CONFIGURE OUTPUT ${generated}/${package}/${script} CONTENT "@text@" @ONLY)
    file(CHMOD ${generated}/${package}/${script}
         PERMISSIONS OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
    list(APPEND scripts ${generated}/${package}/${script})
  endforeach()
  set(${variable} "${scripts}" PARENT_SCOPE)
endfunction()

# The licences of the libraries that are linked into the agent, from the packages that they come from.
if(MODDB_REPLICA_STATIC)
  configure_file(/usr/share/common-licenses/Apache-2.0 ${generated}/licenses/Apache-2.0.txt COPYONLY)
  set(static_licenses_replica ${generated}/licenses/Apache-2.0.txt)
  foreach(library absl grpc protobuf re2)
    configure_file(/usr/share/doc/lib${library}-dev/copyright ${generated}/licenses/copyright.${library} COPYONLY)
    list(APPEND static_licenses_replica ${generated}/licenses/copyright.${library})
  endforeach()
endif()

# ---------------------------------------------------------------- CPack: deb

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SOURCE moddb)
set(CPACK_DEBIAN_PACKAGE_RELEASE ${debian_revision})
string(REGEX MATCH "\nMaintainer: ([^\n]*)" match "${control}")
set(CPACK_DEBIAN_PACKAGE_MAINTAINER "${CMAKE_MATCH_1}")
# A fast method, because tools/package compresses the packages again.
set(CPACK_DEBIAN_COMPRESSION_TYPE zstd)
set(CPACK_DEBIAN_ENABLE_COMPONENT_DEPENDS ON)
set(CPACK_DEBIAN_DEBUGINFO_PACKAGE ON)
set(CPACK_COMPONENT_DEV_DEPENDS lib)
# The command line links to the library of this build.
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS_PRIVATE_DIRS ${PROJECT_BINARY_DIR}/lib)
set(full_version ${PROJECT_VERSION}-${debian_revision})

foreach(component ${components})
  string(TOUPPER ${component} C)
  set(package ${deb_${component}})
  moddb_control_field(${package} Description description)
  string(REGEX REPLACE "\n \\.\n" "\n\n" CPACK_DEBIAN_${C}_DESCRIPTION "${description}")
  string(REGEX REPLACE "\n " "\n" CPACK_DEBIAN_${C}_DESCRIPTION "${CPACK_DEBIAN_${C}_DESCRIPTION}")
  moddb_control_field(${package} Section section)
  if(NOT section)
    set(section database)
  endif()
  foreach(field RECOMMENDS SUGGESTS)
    string(SUBSTRING ${field} 1 -1 rest)
    string(TOLOWER ${rest} rest)
    string(SUBSTRING ${field} 0 1 first)
    moddb_control_field(${package} ${first}${rest} value)
    string(REGEX REPLACE "[\n ]+" " " value "${value}")
    string(REGEX REPLACE ", *$" "" value "${value}")
    string(STRIP "${value}" CPACK_DEBIAN_${C}_PACKAGE_${field})
  endforeach()
  set(CPACK_DEBIAN_${C}_PACKAGE_NAME ${package})
  set(CPACK_DEBIAN_${C}_PACKAGE_SECTION ${section})
  set(CPACK_DEBIAN_${C}_PACKAGE_PRIORITY optional)
  moddb_maintainer_scripts(${package} CPACK_DEBIAN_${C}_PACKAGE_CONTROL_EXTRA)
  set(CPACK_DEBIAN_${C}_PACKAGE_CONTROL_STRICT_PERMISSION ON)
  if(MODDB_PACKAGING STREQUAL "DEB")
    install(FILES ${debian}/copyright ${static_licenses_${component}} DESTINATION share/doc/${package}
            COMPONENT ${component})
    install(FILES ${debian}/changelog DESTINATION share/doc/${package} COMPONENT ${component} RENAME changelog.Debian)
    foreach(overrides ${debian}/${package}.lintian-overrides ${PROJECT_SOURCE_DIR}/packaging/cpack/${package}.lintian-overrides)
      if(EXISTS ${overrides})
        install(FILES ${overrides} DESTINATION share/lintian/overrides COMPONENT ${component} RENAME ${package})
      endif()
    endforeach()
  endif()
endforeach()

set(CPACK_DEBIAN_DKMS_PACKAGE_ARCHITECTURE all)
set(CPACK_DEBIAN_DKMS_PACKAGE_DEPENDS "dkms (>= 3.0.10)")
set(CPACK_DEBIAN_DKMS_DEBUGINFO_PACKAGE OFF)
set(CPACK_DEBIAN_DEV_DEBUGINFO_PACKAGE OFF)
set(CPACK_DEBIAN_LIB_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_CLI_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS_POLICY ">=")
set(CPACK_DEBIAN_CLI_PACKAGE_DEPENDS "libmoddb0 (>= ${PROJECT_VERSION})")
set(CPACK_DEBIAN_REPLICA_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_REPLICA_PACKAGE_DEPENDS
    "libmoddb0 (>= ${PROJECT_VERSION}), systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PYTHON_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PYTHON_PACKAGE_DEPENDS "libmoddb0 (>= ${PROJECT_VERSION}), python3 (>= 3.11)")

if(MODDB_PACKAGING STREQUAL "DEB")
  file(WRITE ${generated}/libmoddb0/triggers "activate-noawait ldconfig\n")
  list(APPEND CPACK_DEBIAN_LIB_PACKAGE_CONTROL_EXTRA ${generated}/libmoddb0/triggers ${generated}/libmoddb0/symbols)
  # Fails if a symbol of a release no longer exists.
  add_custom_target(moddb-symbols ALL
    COMMAND dpkg-gensymbols -q -c4 -plibmoddb0 -v${full_version} -I${debian}/libmoddb0.symbols
            -e$<TARGET_FILE:${MODDB_LIBRARY_TARGET}> -O${generated}/libmoddb0/symbols
    WORKING_DIRECTORY ${PROJECT_SOURCE_DIR}/packaging
    VERBATIM)
  add_dependencies(moddb-symbols ${MODDB_LIBRARY_TARGET})
endif()

# ---------------------------------------------------------------- CPack: rpm

# Debian's symbols go into packages of their own; CPack's for rpm require a long path of the sources.
if(MODDB_PACKAGING STREQUAL "RPM")
  set(CPACK_STRIP_FILES ON)
endif()
set(CPACK_RPM_COMPONENT_INSTALL ON)
set(CPACK_RPM_FILE_NAME RPM-DEFAULT)
set(CPACK_RPM_PACKAGE_RELEASE 1)
set(CPACK_RPM_PACKAGE_LICENSE "MIT AND GPL-2.0-only")
set(CPACK_RPM_PACKAGE_GROUP "Applications/Databases")
set(CPACK_RPM_DEV_PACKAGE_GROUP "Development/Libraries")
set(CPACK_RPM_PACKAGE_RELOCATABLE OFF)
file(READ ${PROJECT_SOURCE_DIR}/packaging/cpack/rpm.macros CPACK_RPM_SPEC_MORE_DEFINE)
set(CPACK_RPM_EXCLUDE_FROM_AUTO_FILELIST_ADDITION
    /usr /usr/bin /usr/sbin /usr/include /usr/lib /usr/lib64 /usr/lib64/cmake /usr/lib64/pkgconfig /usr/src
    /usr/lib/systemd /usr/lib/systemd/system /usr/lib/sysusers.d /usr/lib/udev /usr/lib/udev/rules.d
    /usr/share /usr/share/man /usr/share/man/man1 /usr/share/man/man3 /usr/share/man/man4 /usr/share/man/man7
    /usr/share/man/man8 /usr/share/bash-completion /usr/share/bash-completion/completions /usr/share/fish
    /usr/share/fish/vendor_completions.d /usr/share/zsh /usr/share/zsh/site-functions /usr/share/zsh/vendor-completions
    /usr/share/doc /usr/share/licenses)
file(GLOB licenses ${PROJECT_SOURCE_DIR}/LICENSES/*.txt)
foreach(component ${components})
  string(TOUPPER ${component} C)
  moddb_control_field(${deb_${component}} Description description)
  string(REGEX REPLACE "\n.*" "" summary "${description}")
  string(SUBSTRING "${summary}" 0 1 first)
  string(SUBSTRING "${summary}" 1 -1 rest)
  string(TOUPPER "${first}" first)
  set(CPACK_RPM_${C}_PACKAGE_SUMMARY "${first}${rest}")
  # Without its first line. A regular expression that begins with ^ would match each line in turn.
  string(FIND "${description}" "\n " end)
  math(EXPR begin "${end} + 2")
  string(SUBSTRING "${description}" ${begin} -1 description)
  string(REGEX REPLACE "\n \\.\n" "\n\n" description "${description}")
  string(REGEX REPLACE "\n " "\n" CPACK_RPM_${C}_PACKAGE_DESCRIPTION "${description}")
  set(CPACK_RPM_${C}_PACKAGE_NAME ${rpm_${component}})
  if(MODDB_PACKAGING STREQUAL "RPM")
    install(FILES ${licenses} ${static_licenses_${component}} DESTINATION share/licenses/${rpm_${component}}
            COMPONENT ${component})
    set(CPACK_RPM_${C}_USER_FILELIST "")
    foreach(license ${licenses} ${static_licenses_${component}})
      get_filename_component(name ${license} NAME)
      list(APPEND CPACK_RPM_${C}_USER_FILELIST "%license /usr/share/licenses/${rpm_${component}}/${name}")
    endforeach()
  endif()
  foreach(scriptlet post preun postun)
    set(file ${PROJECT_SOURCE_DIR}/packaging/rpm/${rpm_${component}}.${scriptlet})
    if(EXISTS ${file})
      if(scriptlet STREQUAL "post")
        set(variable POST_INSTALL)
      elseif(scriptlet STREQUAL "preun")
        set(variable PRE_UNINSTALL)
      else()
        set(variable POST_UNINSTALL)
      endif()
      configure_file(${file} ${generated}/rpm/${rpm_${component}}.${scriptlet} @ONLY)
      set(CPACK_RPM_${C}_${variable}_SCRIPT_FILE ${generated}/rpm/${rpm_${component}}.${scriptlet})
    endif()
  endforeach()
endforeach()
set(CPACK_RPM_DKMS_PACKAGE_ARCHITECTURE noarch)
set(CPACK_RPM_DKMS_PACKAGE_AUTOREQPROV no)
set(CPACK_RPM_DKMS_PACKAGE_REQUIRES dkms)
set(CPACK_RPM_DKMS_PACKAGE_REQUIRES_POST dkms)
set(CPACK_RPM_DKMS_PACKAGE_REQUIRES_PREUN dkms)
set(CPACK_RPM_DEV_PACKAGE_REQUIRES "libmoddb = ${PROJECT_VERSION}-1")

include(CPack)
