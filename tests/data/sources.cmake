# SPDX-License-Identifier: Apache-2.0
set(suites span_plan shard_list byte_source c4_reader tokenizer tokenizer_train vocabulary span_corruption denoise
           batcher packed_source bucket_source stream_state shuffle loader loader_faults mixture_source corpora)
list(TRANSFORM suites REPLACE "(.+)" "tests/data/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
sy_test_binary(data_tests
               SOURCES tests/data/support.cpp tests/data/sha1.cpp tests/data/tokenizer_definition_test.cpp
                       tests/support/sample_text.cpp ${suite_sources}
               LINK sy_data sy::simdjson sy::zlib sy::zstd)
add_dependencies(data_tests test_sample)
foreach(suite ${suites} shard_cache)
  sy_add_test(data.${suite} data_tests "[${suite}]")
endforeach()
add_test(NAME data.make_languages COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/data/make_languages_test.py)
add_test(NAME data.make_manuals_task COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/data/make_manuals_task_test.py)
