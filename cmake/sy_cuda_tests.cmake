# SPDX-License-Identifier: Apache-2.0
# The CUDA column of a test: the same body on the CUDA backend.
#   sy_add_cuda_test(NAME BINARY FILTER [SCHEDULES ...])
#   sy_add_cuda_mpi_test(NAME BINARY FILTER RANKS... [SCHEDULES ...] [HOST_ONLY])
# Executed on the host, once under each of SCHEDULES, the orders of streams and threads (all three where
# left out; with the device's roundings under random), labelled hostcuda:
#   cuda.NAME.SCHEDULE, cuda.NAME.npRANKS.SCHEDULE
# and on the machine's GPUs, unless HOST_ONLY:
#   gpu.NAME, gpu.NAME.npRANKS
# whose programs (target gpu_tests) are linked wherever there is a toolkit. Their list, gpu_tests.txt, is for pack.sh;
# ctest has them with SY_GPU_TESTS, labelled gpu. A test that needs more GPUs than there are is skipped.
# Of an op's three schedules `reverse` is a long test: `random` too changes the order of threads.
if(SY_HAVE_HOSTCUDA)
  set(cuda_column "executed on the host")
elseif(SY_HAVE_CUDA)
  set(cuda_column "skipped: no libboost-context")
else()
  set(cuda_column "skipped: no CUDA toolkit")
endif()
file(WRITE ${PROJECT_BINARY_DIR}/cuda_column.txt "${cuda_column}\n")  # for test.sh

if(SY_HAVE_CUDA)
  add_custom_target(gpu_tests)  # all that the tests of GPUs run
  file(GENERATE OUTPUT ${PROJECT_BINARY_DIR}/gpu_tests.txt CONTENT "$<GENEX_EVAL:$<TARGET_PROPERTY:gpu_tests,SY_LINES>>")
endif()
set(all_schedules forward reverse random)
set(mpirun ${PROJECT_SOURCE_DIR}/tests/support/mpirun.sh)

function(sy_add_host_column name command schedules labels processors)
  foreach(schedule ${schedules})
    set(arithmetic exact)
    if(schedule STREQUAL random)
      set(arithmetic device)
    endif()
    add_test(NAME cuda.${name}.${schedule} COMMAND ${command})
    set_tests_properties(cuda.${name}.${schedule} PROPERTIES
      TIMEOUT 300 SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} LABELS "${labels}"
      PROCESSORS ${processors}
      ENVIRONMENT "SWITCHYARD_TEST_BACKEND=cuda;SWITCHYARD_HOSTCUDA_SCHEDULE=${schedule};SWITCHYARD_HOSTCUDA_ARITHMETIC=${arithmetic};OMP_NUM_THREADS=1")
  endforeach()
endfunction()

# BINARY_gpu: the objects of BINARY, linked with the GPU's backend.
function(sy_gpu_binary binary)
  if(TARGET ${binary}_gpu)
    return()
  endif()
  add_executable(${binary}_gpu tests/support/gpu_required.cpp $<TARGET_OBJECTS:${binary}>)
  get_target_property(link ${binary} SY_LINK)
  target_link_libraries(${binary}_gpu PRIVATE ${link} sy_backend_gpu)
  set_target_properties(${binary}_gpu PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  add_dependencies(gpu_tests ${binary}_gpu)
endfunction()

# In gpu_tests.txt a line is the name and the command, a tab between words. In ctest one test runs at a time: a GPU in
# exclusive mode takes one process.
function(sy_add_gpu_test name)
  list(JOIN ARGN "\t" words)
  set_property(TARGET gpu_tests APPEND_STRING PROPERTY SY_LINES "gpu.${name}\t${words}\n")
  if(NOT SY_GPU_TESTS)
    return()
  endif()
  add_test(NAME gpu.${name} COMMAND ${ARGN})
  set_tests_properties(gpu.${name} PROPERTIES
    TIMEOUT 600 SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} LABELS gpu RESOURCE_LOCK gpu
    ENVIRONMENT "SWITCHYARD_TEST_BACKEND=cuda")
endfunction()

# BINARY_watched: the objects of BINARY, linked with kernels that tell of their accesses, and one entry
# for all that FILTER selects: races.NAME. The schedule hardly matters to what is found. These are long
# tests, and what they run is built by one of them.
function(sy_add_races_test name binary filter)
  if(NOT SY_HAVE_WATCHED)
    return()
  endif()
  if(NOT TARGET watched_tests)
    add_custom_target(watched_tests)
    add_test(NAME races.build COMMAND ${CMAKE_COMMAND} --build ${PROJECT_BINARY_DIR} --target watched_tests -j 2)
    set_tests_properties(races.build PROPERTIES TIMEOUT 1800 PROCESSORS 2 FIXTURES_SETUP watched LABELS "hostcuda;long")
  endif()
  if(NOT TARGET ${binary}_watched)
    add_executable(${binary}_watched EXCLUDE_FROM_ALL $<TARGET_OBJECTS:${binary}>)
    get_target_property(link ${binary} SY_LINK)
    target_link_libraries(${binary}_watched PRIVATE ${link} sy_backend_watched)
    set_target_properties(${binary}_watched PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
    add_dependencies(watched_tests ${binary}_watched)
  endif()
  add_test(NAME races.${name} COMMAND ${binary}_watched ${filter})
  set_tests_properties(races.${name} PROPERTIES
    TIMEOUT 1200 SKIP_RETURN_CODE 77 WORKING_DIRECTORY ${PROJECT_SOURCE_DIR} LABELS "hostcuda;long"
    FIXTURES_REQUIRED watched
    ENVIRONMENT "SWITCHYARD_TEST_BACKEND=cuda;SWITCHYARD_HOSTCUDA_SCHEDULE=random;OMP_NUM_THREADS=1")
endfunction()

function(sy_add_cuda_test name binary filter)
  cmake_parse_arguments(ARG "" "" "SCHEDULES" ${ARGN})
  if(NOT ARG_SCHEDULES)
    set(ARG_SCHEDULES ${all_schedules})
  endif()
  if(SY_HAVE_HOSTCUDA)
    sy_add_host_column(${name} "${binary};${filter}" "${ARG_SCHEDULES}" hostcuda 1)
    if(ARG_SCHEDULES STREQUAL all_schedules)
      sy_long_tests(cuda.${name}.reverse)
    endif()
  endif()
  if(SY_HAVE_CUDA)
    sy_gpu_binary(${binary})
    sy_add_gpu_test(${name} $<TARGET_FILE:${binary}_gpu> ${filter})
  endif()
endfunction()

function(sy_add_cuda_mpi_test name binary filter)
  cmake_parse_arguments(ARG "HOST_ONLY" "" "SCHEDULES" ${ARGN})
  if(NOT ARG_SCHEDULES)
    set(ARG_SCHEDULES ${all_schedules})
  endif()
  foreach(ranks ${ARG_UNPARSED_ARGUMENTS})
    set(processors 2)
    if(ranks EQUAL 1)
      set(processors 1)
    endif()
    if(SY_HAVE_HOSTCUDA)
      sy_add_host_column(${name}.np${ranks} "${mpirun};${ranks};$<TARGET_FILE:${binary}>;${filter}"
                         "${ARG_SCHEDULES}" "hostcuda;mpi" ${processors})
    endif()
    if(SY_HAVE_CUDA AND NOT ARG_HOST_ONLY)
      sy_gpu_binary(${binary})
      sy_add_gpu_test(${name}.np${ranks} ${mpirun} ${ranks} $<TARGET_FILE:${binary}_gpu> ${filter})
    endif()
  endforeach()
endfunction()
