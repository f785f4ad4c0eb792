# SPDX-License-Identifier: MIT
#
# What `cmake --install` puts where: headers, libraries, acre.pc and the CMake
# package. The command installs itself (tools/acre).
include(CMakePackageConfigHelpers)

install(DIRECTORY include/acre DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

set(libraries acre_static)
if(ACRE_BUILD_SHARED)
  list(APPEND libraries acre_shared)
endif()
install(TARGETS ${libraries} EXPORT acreTargets
        LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT runtime NAMELINK_COMPONENT development
        ARCHIVE DESTINATION ${CMAKE_INSTALL_LIBDIR} COMPONENT development)

set(package_folder ${CMAKE_INSTALL_LIBDIR}/cmake/acre)
install(EXPORT acreTargets NAMESPACE acre:: DESTINATION ${package_folder} COMPONENT development)
configure_package_config_file(cmake/acreConfig.cmake.in ${PROJECT_BINARY_DIR}/acreConfig.cmake
                              INSTALL_DESTINATION ${package_folder})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/acreConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/acreConfig.cmake ${PROJECT_BINARY_DIR}/acreConfigVersion.cmake
        DESTINATION ${package_folder} COMPONENT development)

# A folder given as an absolute path stays so; a relative one follows the prefix.
foreach(kind INCLUDE LIB)
  string(TOLOWER ${kind} lower)
  if(IS_ABSOLUTE "${CMAKE_INSTALL_${kind}DIR}")
    set(pc_${lower}dir "${CMAKE_INSTALL_${kind}DIR}")
  else()
    set(pc_${lower}dir "\${prefix}/${CMAKE_INSTALL_${kind}DIR}")
  endif()
endforeach()
configure_file(cmake/acre.pc.in ${PROJECT_BINARY_DIR}/acre.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/acre.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
