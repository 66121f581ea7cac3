# SPDX-License-Identifier: Apache-2.0
sy_test_binary(config_tests
               SOURCES tests/config/parse_test.cpp tests/config/validate_test.cpp
                       tests/config/write_test.cpp tests/config/parameters_test.cpp
                       tests/config/step_lengths_test.cpp
               LINK sy_config)
foreach(suite parse validate write resolve reference keys parameters step_lengths)
  sy_add_test(config.${suite} config_tests "[${suite}]")
endforeach()
