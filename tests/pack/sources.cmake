# SPDX-License-Identifier: Apache-2.0
# A packed folder runs after it was moved.
add_test(NAME pack.runs COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/runs.sh ${PROJECT_BINARY_DIR})
set_tests_properties(pack.runs PROPERTIES TIMEOUT 120 PROCESSORS 2 SKIP_RETURN_CODE 77)
# So does what is in the small archive.
add_test(NAME pack.thin COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/thin.sh ${PROJECT_BINARY_DIR})
set_tests_properties(pack.thin PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77)
sy_long_tests(pack.thin)
add_test(NAME pack.run_tests COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/run_tests_test.sh)
set_tests_properties(pack.run_tests PROPERTIES TIMEOUT 60)
# The install tree and the Debian package.
add_test(NAME pack.installed COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/installed.sh ${PROJECT_BINARY_DIR})
set_tests_properties(pack.installed PROPERTIES TIMEOUT 120)
add_test(NAME pack.commit COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/commit.sh)
set_tests_properties(pack.commit PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77)
# Installing on a machine where another package manager is at work.
add_test(NAME pack.setup_waits COMMAND ${PROJECT_SOURCE_DIR}/tests/pack/setup_waits.sh)
set_tests_properties(pack.setup_waits PROPERTIES TIMEOUT 60 SKIP_RETURN_CODE 77)
