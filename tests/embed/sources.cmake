# SPDX-License-Identifier: Apache-2.0
# Another project adds this one, and finds its libraries.
add_test(NAME embed.configures COMMAND ${PROJECT_SOURCE_DIR}/tests/embed/embed.sh)
set_tests_properties(embed.configures PROPERTIES TIMEOUT 120)
