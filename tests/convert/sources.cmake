# SPDX-License-Identifier: Apache-2.0
set(suites float_type safetensors hf_names hf_config round_trip fault upcycle command)
list(TRANSFORM suites REPLACE "(.+)" "tests/convert/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
sy_test_binary(convert_tests
               SOURCES tests/convert/hf_fixture.cpp tests/cli/program.cpp
                       tests/checkpoint/file_log.cpp ${suite_sources}
               LINK sy_convert)
target_compile_definitions(convert_tests PRIVATE SY_PROGRAM="$<TARGET_FILE:switchyard>")
if(NOT SY_SANITIZE)  # there, the suite that starts the program is left out
  add_dependencies(convert_tests switchyard)
endif()
foreach(suite ${suites})
  sy_add_test(convert.${suite} convert_tests "[convert_${suite}]")
endforeach()
# The published sizes are run by hand: big_round_trip.py says how. This keeps the script runnable.
add_test(NAME convert.big_round_trip
         COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/convert/big_round_trip.py
                 $<TARGET_FILE:switchyard> --shapes tiny-float32,tiny-bfloat16)
set_tests_properties(convert.big_round_trip PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
