# A packed folder runs after it was moved.
add_test(NAME pack.runs COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/runs.sh ${PROJECT_BINARY_DIR})
set_tests_properties(pack.runs PROPERTIES TIMEOUT 120 PROCESSORS 2)
