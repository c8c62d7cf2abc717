# SPDX-License-Identifier: Apache-2.0
# What `cmake --install` leaves: the library, the headers, the command line, a CMake package and heddle.pc.
include(CMakePackageConfigHelpers)

set_target_properties(heddle PROPERTIES
  INTERFACE_INCLUDE_DIRECTORIES
    "$<BUILD_INTERFACE:${PROJECT_SOURCE_DIR}/include>;$<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include>;$<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>"
  INTERFACE_COMPILE_FEATURES cxx_std_20)

# Only heddle_* leaves the library.
set(map ${PROJECT_SOURCE_DIR}/cmake/heddle.map)
target_link_options(heddle PRIVATE -Wl,--version-script=${map})
set_property(TARGET heddle APPEND PROPERTY LINK_DEPENDS ${map})

install(TARGETS heddle EXPORT heddle LIBRARY DESTINATION ${CMAKE_INSTALL_LIBDIR})
install(DIRECTORY include/heddle DESTINATION ${CMAKE_INSTALL_INCLUDEDIR} FILES_MATCHING PATTERN "*.h")
install(FILES ${PROJECT_BINARY_DIR}/include/heddle/version.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/heddle)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
if(TARGET heddle_program)
  install(TARGETS heddle_program RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()

# find_package(heddle), then link heddle::heddle. The two shared files find the rest relative to themselves.
set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/heddle)
install(EXPORT heddle NAMESPACE heddle:: FILE heddle-config.cmake DESTINATION ${package_dir})
write_basic_package_version_file(${PROJECT_BINARY_DIR}/heddle-config-version.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/heddle-config-version.cmake DESTINATION ${package_dir})

file(RELATIVE_PATH HEDDLE_PC_PREFIX /${CMAKE_INSTALL_LIBDIR}/pkgconfig /)
string(REGEX REPLACE "/$" "" HEDDLE_PC_PREFIX ${HEDDLE_PC_PREFIX})
configure_file(cmake/heddle.pc.in heddle.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/heddle.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
