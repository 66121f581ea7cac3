# SPDX-License-Identifier: Apache-2.0
# In the tests' build: one ctest entry, which builds and runs the fuzzers in a build folder of their
# own. In that build (SY_FUZZ, with clang): the fuzzers. Only the libraries they link are built there.
include_guard(GLOBAL)
if(NOT SY_FUZZ)
  add_test(NAME fuzz COMMAND bash ${PROJECT_SOURCE_DIR}/tests/fuzz/run.sh ${PROJECT_BINARY_DIR}-fuzz)
  set_tests_properties(fuzz PROPERTIES TIMEOUT 900 SKIP_RETURN_CODE 77 PROCESSORS 2)
  return()
endif()

# Every object of this build is instrumented; the fuzzing engine's main comes with the fuzzers alone.
target_compile_options(sy_options INTERFACE -g -fsanitize=fuzzer-no-link,address,undefined
                                            -fno-sanitize-recover=undefined)
target_link_options(sy_options INTERFACE -fsanitize=address,undefined)

function(sy_add_fuzzer name)
  add_executable(fuzz_${name} tests/fuzz/fuzz_${name}.cpp)
  target_compile_definitions(fuzz_${name} PRIVATE SY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(fuzz_${name} PRIVATE ${ARGN})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
  add_dependencies(fuzzers fuzz_${name})
endfunction()

add_custom_target(fuzzers)
sy_add_fuzzer(config sy_config)
sy_add_fuzzer(shard_line sy_data sy::simdjson)
sy_add_fuzzer(tokenizer sy_data)
sy_add_fuzzer(checkpoint sy_checkpoint)
sy_add_fuzzer(safetensors sy_hf_format)
sy_add_fuzzer(task sy_tasks)
