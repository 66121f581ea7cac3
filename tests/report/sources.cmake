# SPDX-License-Identifier: Apache-2.0
sy_test_binary(report_tests
               SOURCES tests/report/metrics_file_test.cpp tests/report/page_test.cpp tests/report/scale_test.cpp
                       tests/report/series_test.cpp
               LINK sy_report)
foreach(suite metrics page scale series)
  sy_add_test(report.${suite} report_tests "[${suite}]")
endforeach()

# Pages of made-up runs, by the real program: their structure, and what a browser makes of them.
foreach(name structure browser)
  add_test(NAME report.${name} COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/report/${name}.py $<TARGET_FILE:switchyard>)
  set_tests_properties(report.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
endforeach()
sy_long_tests(report.browser)
