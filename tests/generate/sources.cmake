# SPDX-License-Identifier: Apache-2.0
sy_test_binary(generate_tests
               SOURCES tests/generate/options_test.cpp tests/generate/sampling_test.cpp
                       tests/generate/beam_search_test.cpp tests/generate/generate_test.cpp
                       tests/generate/infill_test.cpp tests/generate/likelihood_test.cpp tests/generate/lockstep_test.cpp tests/model/fixture.cpp
               LINK sy_generate)
add_dependencies(generate_tests test_sample)
foreach(suite options sampling beam_search generate infill likelihood lockstep)
  sy_add_test(generate.${suite} generate_tests "[${suite}]")
endforeach()
