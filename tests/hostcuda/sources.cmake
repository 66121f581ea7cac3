# SPDX-License-Identifier: Apache-2.0
# Execution of the CUDA backend without a GPU: the functions of the CUDA runtime and of cuBLASLt that the
# program calls, in place of the libraries. Needs only the toolkit's headers.
if(NOT SY_HAVE_HOSTCUDA)
  return()
endif()

file(GLOB parts CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} tests/hostcuda/device/*.cpp
     tests/hostcuda/runtime/*.cpp tests/hostcuda/cublaslt/*.cpp tests/hostcuda/races/*.cpp)
sy_library(hostcuda SOURCES ${parts} LINK ${SY_BOOST_CONTEXT} Threads::Threads)
target_compile_definitions(sy_hostcuda PUBLIC SY_HOSTCUDA)
target_include_directories(sy_hostcuda SYSTEM PUBLIC ${SY_CUDA_INCLUDE} ${SY_BOOST_INCLUDE})

# NCCL over MPI. A program that links it also gets its blocking MPI calls from here (mpi_progress.cpp).
file(GLOB parts CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} tests/hostcuda/nccl/*.cpp)
sy_library(hostnccl SOURCES ${parts} LINK sy_hostcuda sy_base MPI::MPI_CXX)
target_link_libraries(sy_backend_host INTERFACE sy_hostnccl)
target_link_libraries(sy_backend_watched INTERFACE sy_hostnccl)

# sy_compile_for_host(FILE.cu...): compiles the files with the host compiler, against
# tests/hostcuda/device/device.h.
function(sy_compile_for_host)
  set_source_files_properties(${ARGN} PROPERTIES LANGUAGE CXX
                              COMPILE_OPTIONS "-x;c++;-DSY_HOSTCUDA")
endfunction()

set(suites block stream memory faults runtime cublaslt)
list(TRANSFORM suites REPLACE "(.+)" "tests/hostcuda/tests/\\1_test.cpp" OUTPUT_VARIABLE suite_sources)
set(kernels tests/hostcuda/tests/correct_kernels.cu tests/hostcuda/tests/faulty_kernels.cu)
sy_compile_for_host(${kernels})
add_executable(hostcuda_tests tests/support/test_main.cpp tests/support/shared_files.cpp
               tests/hostcuda/tests/support.cpp ${kernels} ${suite_sources})
target_link_libraries(hostcuda_tests PRIVATE sy_base sy_hostcuda)
target_compile_definitions(hostcuda_tests PRIVATE SY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
set_target_properties(hostcuda_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
foreach(suite ${suites})
  sy_add_test(hostcuda.${suite} hostcuda_tests "[${suite}]")
endforeach()

# Kernels that tell of their accesses (races/), planted races among them. All of the program is
# compiled so: a source has one set of options.
if(SY_HAVE_WATCHED)
  set(kernels tests/hostcuda/tests/correct_kernels.cu tests/hostcuda/tests/racing_kernels.cu)
  sy_compile_for_host(tests/hostcuda/tests/racing_kernels.cu)
  add_executable(hostcuda_races_tests tests/support/test_main.cpp tests/support/shared_files.cpp
                 tests/hostcuda/tests/support.cpp tests/hostcuda/tests/races_test.cpp ${kernels})
  target_link_libraries(hostcuda_races_tests PRIVATE sy_base sy_hostcuda)
  target_compile_options(hostcuda_races_tests PRIVATE ${SY_WATCH_OPTIONS})
  target_compile_definitions(hostcuda_races_tests PRIVATE SY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  set_target_properties(hostcuda_races_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  sy_add_test(hostcuda.races hostcuda_races_tests "[races]")
endif()
