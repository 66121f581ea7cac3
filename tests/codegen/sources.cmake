# SPDX-License-Identifier: Apache-2.0
# What nvcc made of the kernels, from the objects that the program is linked from: nothing is compiled for this. Without
# the toolkit there are none, and the test is skipped. `cmake --build build --target codegen_table` writes the table anew.
set(check python3 ${PROJECT_SOURCE_DIR}/tests/codegen/check.py)
set(objects "")
if(SY_HAVE_CUDA)
  set(objects $<TARGET_OBJECTS:sy_kernels_gpu>)
  add_custom_target(codegen_table COMMAND ${check} --write ${objects} DEPENDS sy_kernels_gpu COMMAND_EXPAND_LISTS
                    VERBATIM)
endif()
add_test(NAME codegen.kernels COMMAND ${check} ${objects} COMMAND_EXPAND_LISTS)
add_test(NAME codegen.self_test COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/codegen/self_test.py)
set_tests_properties(codegen.kernels codegen.self_test PROPERTIES LABELS codegen TIMEOUT 120 SKIP_RETURN_CODE 77)
