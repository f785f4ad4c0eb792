# SPDX-License-Identifier: MIT
#
# What `cmake --install` puts where: headers, libraries, acre.pc and the CMake
# package. The command installs itself (tools/acre).
include(CMakePackageConfigHelpers)

install(DIRECTORY include/acre DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} COMPONENT development
        FILES_MATCHING PATTERN "*.h" PATTERN "*.hpp")

if(ACRE_WIN32) # in a folder of their own: windows.h is for who asks for it
  install(DIRECTORY include/win32/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/acre-win32 COMPONENT development)
endif()

set(libraries acre_static)
if(ACRE_BUILD_SHARED)
  list(APPEND libraries acre_shared)
endif()
foreach(library acre_win32_static acre_win32_shared acre_malloc_static acre_malloc_shared acre_check_shared)
  if(TARGET ${library})
    list(APPEND libraries ${library})
  endif()
endforeach()
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

# acre.pc finds the prefix from where it lies, so an installed tree may be moved;
# a folder given as an absolute path stays so.
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(pc_prefix ${CMAKE_INSTALL_PREFIX})
else()
  file(RELATIVE_PATH pc_up /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
  string(REGEX REPLACE "/$" "" pc_prefix "\${pcfiledir}/${pc_up}")
endif()
cmake_path(APPEND pc_includedir "\${prefix}" "${CMAKE_INSTALL_INCLUDEDIR}")
cmake_path(APPEND pc_libdir "\${prefix}" "${CMAKE_INSTALL_LIBDIR}")
list(TRANSFORM system_libraries PREPEND " -l" OUTPUT_VARIABLE pc_libraries)
list(JOIN pc_libraries "" pc_libraries)
configure_file(cmake/acre.pc.in ${PROJECT_BINARY_DIR}/acre.pc @ONLY)
set(pc_files ${PROJECT_BINARY_DIR}/acre.pc)
if(ACRE_WIN32)
  configure_file(cmake/acre-win32.pc.in ${PROJECT_BINARY_DIR}/acre-win32.pc @ONLY)
  list(APPEND pc_files ${PROJECT_BINARY_DIR}/acre-win32.pc)
endif()
install(FILES ${pc_files} DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig COMPONENT development)
