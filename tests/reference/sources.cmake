# What docs/python.md shows is what a run prints.
add_test(NAME reference.read_run
         COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/reference/read_run.py $<TARGET_FILE:switchyard>)
set_tests_properties(reference.read_run PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
