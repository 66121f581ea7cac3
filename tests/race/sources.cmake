# The race at a size of seconds, so that it stays runnable; skipped where Python has no torch.
add_test(NAME race.runs COMMAND ${CMAKE_SOURCE_DIR}/tests/race/runs.sh $<TARGET_FILE:switchyard>)
set_tests_properties(race.runs PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2)
