# SPDX-License-Identifier: Apache-2.0
set(suites scores unicode answers)
list(TRANSFORM suites REPLACE "(.+)" "tests/tasks/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
sy_test_binary(tasks_tests SOURCES ${suite_sources} LINK sy_scores)
foreach(suite ${suites})
  sy_add_test(tasks.${suite} tasks_tests "[${suite}]")
endforeach()
