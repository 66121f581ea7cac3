# Against the libraries themselves, not what executes them on the host.
if(SY_HAVE_CUDA)
  add_executable(loaded_library_tests tests/support/test_main.cpp tests/support/shared_files.cpp
                 tests/tensor/loaded_library_test.cpp $<TARGET_OBJECTS:sy_loaded_gpu>)
  target_compile_definitions(loaded_library_tests PRIVATE SY_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
  target_link_libraries(loaded_library_tests PRIVATE sy_base ${CMAKE_DL_LIBS})
  get_target_property(where sy_backend_gpu INTERFACE_LINK_OPTIONS)
  target_link_options(loaded_library_tests PRIVATE ${where})
  set_target_properties(loaded_library_tests PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/tests)
  sy_add_test(tensor.loaded_library loaded_library_tests "[loaded_library]")
endif()
