# SPDX-License-Identifier: Apache-2.0
# Unit tests under the address and undefined-behaviour sanitizers: one ctest entry builds them in a build folder of their own
# (build.sh), one entry a program runs them. In that build (SY_SANITIZE) there is nothing to add.
if(SY_SANITIZE)
  return()
endif()
set(sanitize_build ${PROJECT_BINARY_DIR}-sanitize)
set(sanitized_programs base_tests config_tests data_tests checkpoint_tests convert_tests kernels_tests)
add_test(NAME sanitize.build COMMAND ${PROJECT_SOURCE_DIR}/tests/sanitize/build.sh ${sanitize_build} ${sanitized_programs})
set_tests_properties(sanitize.build PROPERTIES TIMEOUT 1800 PROCESSORS 2 FIXTURES_SETUP sanitized LABELS sanitize)
foreach(program ${sanitized_programs})
  string(REPLACE "_tests" "" name ${program})
  add_test(NAME sanitize.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/sanitize/run.sh ${sanitize_build}/tests/${program})
  set_tests_properties(sanitize.${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 PROCESSORS 1 FIXTURES_REQUIRED sanitized
                       LABELS sanitize WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
endforeach()
