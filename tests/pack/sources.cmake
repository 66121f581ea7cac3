# A packed folder runs elsewhere.
add_test(NAME pack.runs COMMAND ${CMAKE_SOURCE_DIR}/tests/pack/runs.sh ${CMAKE_BINARY_DIR})
set_tests_properties(pack.runs PROPERTIES TIMEOUT 120 PROCESSORS 2)
