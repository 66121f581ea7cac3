# SPDX-License-Identifier: Apache-2.0
set(suites text_rules task_files json_split glue super_glue wsc questions summaries translation jsonl task_faults)
list(TRANSFORM suites REPLACE "(.+)" "tests/tasks/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
sy_test_binary(task_reader_tests
               SOURCES tests/tasks/reading.cpp tests/data/support.cpp tests/support/sample_text.cpp ${suite_sources}
               LINK sy_tasks sy_data sy::simdjson sy::zlib sy::zstd)
add_dependencies(task_reader_tests test_sample)
foreach(suite ${suites})
  sy_add_test(tasks.${suite} task_reader_tests "[${suite}]")
endforeach()

set(suites scores unicode answers)
list(TRANSFORM suites REPLACE "(.+)" "tests/tasks/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
sy_test_binary(tasks_tests SOURCES ${suite_sources} LINK sy_scores)
foreach(suite ${suites})
  sy_add_test(tasks.${suite} tasks_tests "[${suite}]")
endforeach()

sy_test_binary(task_source_tests SOURCES tests/tasks/task_source_test.cpp tests/data/support.cpp
               LINK sy_tasks sy::zlib sy::zstd)
sy_add_test(tasks.task_source task_source_tests "[task_source]")
