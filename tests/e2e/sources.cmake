# SPDX-License-Identifier: Apache-2.0
# The real program on the build's text sample, and on C4 if that is present beside the project.
foreach(name bad_shard bad_shard_resumed bench_parts bucketing changes_mesh distill_tasks finetune finetune_learns full_disk
        goes_back gradients_agree killed_and_resumed meshes_agree metrics_add_up model_axis
        nonfinite recompute spikes stands_alone stop_flag)
  add_test(NAME e2e.${name} COMMAND ${PROJECT_SOURCE_DIR}/tests/e2e/${name}.sh $<TARGET_FILE:switchyard>)
  set_tests_properties(e2e.${name} PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 PROCESSORS 2)
endforeach()
if(EXISTS ${PROJECT_SOURCE_DIR}/../shared/data/c4)
  add_test(NAME e2e.meshes_agree_c4
           COMMAND ${PROJECT_SOURCE_DIR}/tests/e2e/meshes_agree.sh $<TARGET_FILE:switchyard> c4)
  set_tests_properties(e2e.meshes_agree_c4 PROPERTIES TIMEOUT 600 SKIP_RETURN_CODE 77 PROCESSORS 2)
endif()
foreach(name gradients_agree meshes_agree)
  add_test(NAME e2e.${name}_whole COMMAND ${PROJECT_SOURCE_DIR}/tests/e2e/${name}.sh $<TARGET_FILE:switchyard> whole)
  set_tests_properties(e2e.${name}_whole PROPERTIES TIMEOUT 1200 SKIP_RETURN_CODE 77 PROCESSORS 2)
endforeach()
sy_long_tests(e2e.bad_shard_resumed e2e.changes_mesh e2e.finetune_learns e2e.gradients_agree_whole e2e.meshes_agree_c4 e2e.meshes_agree_whole)

# Problems that users met, if they are present beside the project: NAME/check.py BINARY.
file(GLOB checks CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/../shared/cases/*/check.py)
foreach(check ${checks})
  get_filename_component(folder ${check} DIRECTORY)
  get_filename_component(name ${folder} NAME)
  add_test(NAME cases.${name} COMMAND /usr/bin/python3 ${check} $<TARGET_FILE:switchyard>)
  set_tests_properties(cases.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
endforeach()

# The program with its CUDA backend executed on the host.
if(SY_HAVE_HOSTCUDA)
  add_executable(switchyard_hostcuda $<TARGET_OBJECTS:sy_cmd>)
  target_link_libraries(switchyard_hostcuda PRIVATE sy_cmd sy_backend_host)
  set_target_properties(switchyard_hostcuda PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)

  # Each test runs under one order of streams and threads.
  foreach(column "meshes_agree random" "killed_and_resumed forward" "nonfinite reverse" "cuda_and_cpu random"
                 "bench_parts forward" "metrics_add_up reverse" "stop_flag random" "shared_gpu forward"
                 "recompute random")
    separate_arguments(column)
    list(GET column 0 name)
    list(GET column 1 schedule)
    sy_add_host_column(e2e.${name} "${PROJECT_SOURCE_DIR}/tests/e2e/${name}.sh;$<TARGET_FILE:switchyard_hostcuda>"
                       ${schedule} hostcuda 2)
  endforeach()
  # What they show, the trainer's and the model's tests show in this column, too.
  sy_long_tests(cuda.e2e.meshes_agree.random cuda.e2e.killed_and_resumed.forward cuda.e2e.nonfinite.reverse)
endif()

# On the machine's GPUs.
if(SY_HAVE_CUDA)
  add_dependencies(gpu_tests switchyard)
  foreach(name bench_parts bucketing changes_mesh full_disk goes_back gradients_agree killed_and_resumed meshes_agree metrics_add_up
          model_axis nonfinite recompute stop_flag)
    sy_add_gpu_test(e2e.${name} ${PROJECT_SOURCE_DIR}/tests/e2e/${name}.sh $<TARGET_FILE:switchyard>)
  endforeach()
endif()
