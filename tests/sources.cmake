# SPDX-License-Identifier: Apache-2.0
sy_library(test_support SOURCES tests/support/allocations.cpp
                                tests/support/backend.cpp tests/support/gradcheck.cpp tests/support/sample.cpp
                                tests/support/shared_files.cpp
           LINK sy_kernels)
target_compile_definitions(sy_test_support PUBLIC SY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
set(SY_SAMPLE_FOLDER ${PROJECT_BINARY_DIR}/tests/sample)
target_compile_definitions(sy_test_support PRIVATE SY_SAMPLE_FOLDER="${SY_SAMPLE_FOLDER}")

# Their main functions, compiled once: Catch2's takes as long as a dozen tests.
sy_library(test_main SOURCES tests/support/test_main.cpp LINK sy_test_support)
sy_library(mpi_test_main SOURCES tests/support/mpi_test_main.cpp LINK sy_test_support sy_dist)
set_target_properties(sy_test_main sy_mpi_test_main PROPERTIES SY_TEST ON)

# Text and tokenizers for tests, made once. They are built along with the program, so that building only the
# program is enough to run its end-to-end tests.
add_executable(sample_maker tests/support/sample_maker.cpp tests/support/sample_text.cpp)
target_link_libraries(sample_maker PRIVATE sy_data sy::zlib)
set_target_properties(sample_maker PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
add_custom_command(OUTPUT ${SY_SAMPLE_FOLDER}.made
                   COMMAND sample_maker ${SY_SAMPLE_FOLDER}
                   COMMAND ${CMAKE_COMMAND} -E touch ${SY_SAMPLE_FOLDER}.made
                   DEPENDS sample_maker
                   COMMENT "Making the text sample for tests")
add_custom_target(test_sample ALL DEPENDS ${SY_SAMPLE_FOLDER}.made)
add_dependencies(switchyard test_sample)

# One binary for all ops, one ctest entry per op.
list(TRANSFORM SY_OPS REPLACE "(.+)" "tests/kernels/\\1_test.cpp" OUTPUT_VARIABLE op_tests)
sy_test_binary(kernels_tests SOURCES ${op_tests} tests/kernels/attention_packed_test.cpp
               tests/kernels/bfloat16_test.cpp tests/kernels/padded_gemm_test.cpp
               tests/kernels/router_mesh_tensorflow_test.cpp LINK sy_kernels sy::simdjson)
foreach(op ${SY_OPS})
  sy_add_test(kernels.${op} kernels_tests "[${op}]")
  set(schedules "")
  if(op STREQUAL gemm)
    set(schedules SCHEDULES random)  # the library multiplies: one order shows what three do
  endif()
  sy_add_cuda_test(kernels.${op} kernels_tests "[${op}]" ${schedules})
endforeach()
# What oneDNN runs on a processor without AVX-512.
sy_add_test(kernels.gemm_avx2 kernels_tests "[gemm],[padded_gemm],[grouped_gemm],[bfloat16]")
set_tests_properties(kernels.gemm_avx2 PROPERTIES ENVIRONMENT ONEDNN_MAX_CPU_ISA=AVX2)
sy_add_test(kernels.bfloat16 kernels_tests "[bfloat16]")
sy_add_cuda_test(kernels.bfloat16 kernels_tests "[bfloat16]")
# Not [gemm], which the library multiplies; the same kernels once more with bfloat16 apart.
sy_add_races_test(kernels kernels_tests "~[.]~[gemm]~[padded_gemm]~[bfloat16]")
sy_add_races_test(kernels_bfloat16 kernels_tests "[bfloat16]~[gemm]")

# Needs a library that offers what the test wants.
if(SY_HAVE_HOSTCUDA)
  sy_test_binary(gemm_algorithms_tests SOURCES tests/kernels/gemm_algorithms_test.cpp LINK sy_kernels)
  sy_add_host_column(kernels.gemm_algorithms "gemm_algorithms_tests;[gemm_algorithms]" "forward;reverse;random"
                     hostcuda 1)
endif()

foreach(room base tensor config dist data measure tasks model generate train checkpoint convert reference mpi cli
             plan studies e2e faults hosts slurm lint fuzz sanitize hostcuda bench report pack embed codegen)
  include(tests/${room}/sources.cmake)
endforeach()
