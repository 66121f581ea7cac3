# SPDX-License-Identifier: Apache-2.0
# Rules that a compiler does not check, one ctest entry each.
foreach(lint includes file_length leftovers ops links format licence self_test)
  add_test(NAME lint.${lint} COMMAND bash ${PROJECT_SOURCE_DIR}/tests/lint/${lint}.sh)
  set_tests_properties(lint.${lint} PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
endforeach()

# Every fault of tests/mutation still fits the file that it changes.
add_test(NAME lint.mutations COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/mutation/run.py --check)
set_tests_properties(lint.mutations PROPERTIES TIMEOUT 60)

if(SY_HAVE_CUDA)
  add_test(NAME lint.one_cuda_runtime
           COMMAND ${PROJECT_SOURCE_DIR}/tests/lint/one_cuda_runtime.sh ${PROJECT_BINARY_DIR})
  set_tests_properties(lint.one_cuda_runtime PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77)
endif()

# clang-tidy reads the compile database and headers that the build makes. Five minutes of two cores.
add_test(NAME lint.tidy COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/lint/tidy.py ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR})
set_tests_properties(lint.tidy PROPERTIES TIMEOUT 1200 SKIP_RETURN_CODE 77 PROCESSORS 2)
sy_long_tests(lint.tidy)
