# SPDX-License-Identifier: Apache-2.0
sy_library(reference
           SOURCES tests/reference/tensor_file.cpp tests/reference/parity_batch.cpp
                   tests/reference/parity_run.cpp
           LINK sy_convert)

# What parity.py runs beside transformers.
add_executable(sy_parity tests/reference/sy_parity.cpp)
target_link_libraries(sy_parity PRIVATE sy_reference sy_backend_host)
set_target_properties(sy_parity PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)

sy_test_binary(reference_tests SOURCES tests/reference/parity_test.cpp LINK sy_reference)
sy_add_test(reference.parity reference_tests "[reference_parity]")

# What docs/python.md shows is what a run prints.
add_test(NAME reference.read_run
         COMMAND /usr/bin/python3 ${PROJECT_SOURCE_DIR}/tests/reference/read_run.py $<TARGET_FILE:switchyard>)
set_tests_properties(reference.read_run PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)

add_test(NAME reference.plot_loss
         COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/reference/plot_loss.py)
set_tests_properties(reference.plot_loss PROPERTIES TIMEOUT 60)

# What the tasks' original files become, beside texts derived in Python.
add_test(NAME reference.task_texts
         COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/reference/task_texts.py $<TARGET_FILE:switchyard>)
set_tests_properties(reference.task_texts PROPERTIES TIMEOUT 120 SKIP_RETURN_CODE 77)
