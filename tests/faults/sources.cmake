# SPDX-License-Identifier: Apache-2.0
# The real program under signals, dead and hanging ranks and slow disks, on the build's text sample.
add_library(slow_disk MODULE tests/faults/slow_disk.cpp)
target_link_libraries(slow_disk PRIVATE ${CMAKE_DL_LIBS})
set_target_properties(slow_disk PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)

set(slow_shard_with $<TARGET_FILE:slow_disk>)
set(diagnose_with $<TARGET_FILE:mpi_faults> $<TARGET_FILE:slow_disk>)
set(terminal_with $<TARGET_FILE:slow_disk>)
set(run_folder_with $<TARGET_FILE:slow_disk>)
foreach(name stopped_by_signal killed_rank stopped_rank one_rank_fails slow_shard exit_codes run_record
             diagnose terminal granted_cores start_up run_folder one_run changed_run several_corpora slow_bfloat16)
  add_test(NAME faults.${name} COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/faults/${name}.py
                                       $<TARGET_FILE:switchyard> ${${name}_with})
  set_tests_properties(faults.${name} PROPERTIES TIMEOUT 300 PROCESSORS 2 LABELS faults)
endforeach()

if(SY_HAVE_HOSTCUDA)
  foreach(column "stopped_by_signal forward" "killed_rank reverse" "stopped_rank random")
    separate_arguments(column)
    list(GET column 0 name)
    list(GET column 1 schedule)
    set(command python3 ${PROJECT_SOURCE_DIR}/tests/faults/${name}.py $<TARGET_FILE:switchyard_hostcuda>)
    sy_add_host_column(faults.${name} "${command}" ${schedule} "hostcuda;faults" 2)
  endforeach()
  sy_long_tests(cuda.faults.stopped_by_signal.forward cuda.faults.killed_rank.reverse)
endif()

# Drawn faults, aimed by a library that is preloaded into every rank. N by hand: tests/faults/run.sh N.
add_library(inject MODULE tests/faults/campaign/moments.cpp tests/faults/campaign/preload_files.cpp
                          tests/faults/campaign/preload_mpi.cpp)
target_link_libraries(inject PRIVATE MPI::MPI_CXX Threads::Threads ${CMAKE_DL_LIBS})
target_include_directories(inject PRIVATE ${PROJECT_SOURCE_DIR})
set_target_properties(inject PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
set(drawn ${PROJECT_SOURCE_DIR}/tests/faults/run.sh)
add_test(NAME faults.campaign COMMAND bash ${drawn} 20 --seed 7 --ranks 2 --hang 10)
# One that hangs for a single rank, which nobody waits for.
add_test(NAME faults.stuck_disk COMMAND bash ${drawn} 4 --kind "disk: hangs" --seed 5 --only 4 --ranks 2)
set_tests_properties(faults.campaign faults.stuck_disk PROPERTIES TIMEOUT 600 PROCESSORS 2 LABELS faults ENVIRONMENT
                     "SWITCHYARD=$<TARGET_FILE:switchyard>;SWITCHYARD_INJECT=$<TARGET_FILE:inject>")
