# SPDX-License-Identifier: Apache-2.0
# GoogleTest: Debian's library, or, where that has the wrong architecture or lacks the sanitizer, its packaged source.
option(HEDDLE_GTEST_FROM_SOURCE "Build GoogleTest from the source that Debian's package installs" OFF)
if(HEDDLE_GTEST_FROM_SOURCE)
  set(INSTALL_GTEST OFF)
  set(BUILD_GMOCK OFF)
  add_subdirectory(/usr/src/googletest ${PROJECT_BINARY_DIR}/googletest EXCLUDE_FROM_ALL SYSTEM)
  target_compile_options(gtest PRIVATE -w)
else()
  find_package(GTest REQUIRED)
endif()
