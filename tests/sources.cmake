sy_library(test_support SOURCES tests/support/allocations.cpp
                                tests/support/backend.cpp tests/support/gradcheck.cpp tests/support/shared_files.cpp
           LINK sy_kernels)
target_compile_definitions(sy_test_support PUBLIC SY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")

# One binary for all ops, one ctest entry for each.
list(TRANSFORM SY_OPS REPLACE "(.+)" "tests/kernels/\\1_test.cpp" OUTPUT_VARIABLE op_tests)
sy_test_binary(kernels_tests SOURCES ${op_tests} tests/kernels/bfloat16_test.cpp LINK sy_kernels sy::simdjson)
foreach(op ${SY_OPS})
  sy_add_test(kernels.${op} kernels_tests "[${op}]")
  sy_add_cuda_test(kernels.${op} kernels_tests "[${op}]")
endforeach()
sy_add_test(kernels.bfloat16 kernels_tests "[bfloat16]")
sy_add_cuda_test(kernels.bfloat16 kernels_tests "[bfloat16]")

foreach(room base tensor config dist data model generate train checkpoint convert reference mpi cli
             e2e faults slurm lint fuzz race hostcuda bench pack)
  include(tests/${room}/sources.cmake OPTIONAL)
endforeach()
