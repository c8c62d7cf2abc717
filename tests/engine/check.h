/* SPDX-License-Identifier: Apache-2.0 */
/* What the tests in C count: checks that do not hold. */
#ifndef HEDDLE_TESTS_ENGINE_CHECK_H_
#define HEDDLE_TESTS_ENGINE_CHECK_H_

#include <stdio.h>

static int failures = 0;

#define CHECK(condition)                                                   \
  do {                                                                     \
    if (!(condition)) {                                                    \
      printf("%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition); \
      ++failures;                                                          \
    }                                                                      \
  } while (0)

#endif /* HEDDLE_TESTS_ENGINE_CHECK_H_ */
