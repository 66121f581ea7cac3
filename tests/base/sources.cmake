# SPDX-License-Identifier: Apache-2.0
set(suites error json log numeric paths process random wire_format)
list(TRANSFORM suites REPLACE "(.+)" "tests/base/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
sy_test_binary(base_tests SOURCES ${suite_sources} LINK sy_base)
foreach(suite ${suites})
  sy_add_test(base.${suite} base_tests "[${suite}]")
endforeach()
