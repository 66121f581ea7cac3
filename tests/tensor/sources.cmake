# SPDX-License-Identifier: Apache-2.0
set(sources tests/tensor/profiler_test.cpp)
if(SY_HAVE_CUDA)
  list(APPEND sources tests/tensor/cuda_memory_test.cpp tests/tensor/cuda_part_clock_test.cpp)
endif()
sy_test_binary(tensor_tests SOURCES ${sources})
sy_add_test(tensor.profiler tensor_tests "[profiler]")
sy_add_cuda_test(tensor.profiler tensor_tests "[profiler]")
# Where one stream waits for another, the other order would have done the other's work before.
sy_add_cuda_test(tensor.cuda_part_clock tensor_tests "[cuda_part_clock]" SCHEDULES forward)

sy_add_cuda_test(tensor.cuda_memory tensor_tests "[cuda_memory]" SCHEDULES forward)

# Against the libraries themselves, not what executes them on the host.
if(SY_HAVE_CUDA)
  add_executable(loaded_library_tests tests/support/test_main.cpp tests/support/shared_files.cpp
                 tests/tensor/loaded_library_test.cpp tests/tensor/library_folders_test.cpp
                 $<TARGET_OBJECTS:sy_loaded_gpu>)
  target_compile_definitions(loaded_library_tests PRIVATE SY_SOURCE_DIR="${PROJECT_SOURCE_DIR}")
  target_link_libraries(loaded_library_tests PRIVATE sy_base ${CMAKE_DL_LIBS})
  get_target_property(where sy_backend_gpu INTERFACE_LINK_OPTIONS)
  target_link_options(loaded_library_tests PRIVATE ${where})
  set_target_properties(loaded_library_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  sy_add_test(tensor.loaded_library loaded_library_tests "[loaded_library],[library_folders]")
endif()
