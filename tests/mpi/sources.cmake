# SPDX-License-Identifier: Apache-2.0
sy_test_binary(mpi_tests MPI SOURCES tests/mpi/collectives_test.cpp tests/mpi/mesh_test.cpp
                                     tests/mpi/threads_test.cpp tests/mpi/listener_test.cpp
               LINK sy_dist)
foreach(suite collectives mesh threads)
  sy_add_mpi_test(mpi.${suite} mpi_tests "[${suite}]" 1 2 4)
endforeach()

sy_add_mpi_test(mpi.collectives mpi_tests "[collectives]" 8)

foreach(suite collectives mesh)
  sy_add_cuda_mpi_test(mpi.${suite} mpi_tests "[${suite}]" 1 2 4)
endforeach()
if(SY_HAVE_HOSTCUDA)
  sy_test_binary(nccl_tests MPI SOURCES tests/mpi/nccl_test.cpp LINK sy_dist)
  sy_add_cuda_mpi_test(mpi.nccl nccl_tests "[nccl]" 2 4 HOST_ONLY)
endif()

add_executable(mpi_faults tests/mpi/faults.cpp)
target_link_libraries(mpi_faults PRIVATE sy_dist sy_backend_host)
set_target_properties(mpi_faults PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
add_test(NAME mpi.faults
         COMMAND ${PROJECT_SOURCE_DIR}/tests/mpi/faults.sh $<TARGET_FILE:mpi_faults>
                 $<TARGET_FILE:mpi_tests>)
set_tests_properties(mpi.faults PROPERTIES TIMEOUT 120 PROCESSORS 2 LABELS mpi)
if(SY_HAVE_HOSTCUDA)
  add_test(NAME cuda.mpi.faults
           COMMAND ${PROJECT_SOURCE_DIR}/tests/mpi/nccl_faults.sh $<TARGET_FILE:mpi_faults>)
  set_tests_properties(cuda.mpi.faults PROPERTIES TIMEOUT 120 PROCESSORS 2 LABELS "hostcuda;mpi")
endif()

sy_test_binary(moe_mpi_tests MPI SOURCES tests/mpi/moe_test.cpp LINK sy_model)
sy_add_mpi_test(mpi.moe moe_mpi_tests "[moe]" 1 2 4)
sy_add_cuda_mpi_test(mpi.moe moe_mpi_tests "[moe]" 1 2 4 SCHEDULES reverse)
