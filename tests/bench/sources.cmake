# docs/gpu.md is what the program makes of the configurations.
add_test(NAME bench.roofline COMMAND /usr/bin/python3 ${CMAKE_SOURCE_DIR}/tests/bench/roofline.py --check)
set_tests_properties(bench.roofline PROPERTIES TIMEOUT 60)
