# SPDX-License-Identifier: Apache-2.0
# The real binary, run as a user runs it.
sy_test_binary(cli_tests
               SOURCES tests/cli/bench_test.cpp tests/cli/config_test.cpp tests/cli/diagnose_test.cpp
                       tests/cli/distill_test.cpp
                       tests/cli/doctor_nodes_test.cpp tests/cli/infill_test.cpp
                       tests/cli/finetune_test.cpp tests/cli/initialize_test.cpp
                       tests/cli/inspect_test.cpp tests/cli/objectives_test.cpp tests/cli/plan_test.cpp tests/cli/program.cpp
                       tests/cli/loglikelihood_test.cpp tests/cli/score_test.cpp tests/cli/report_test.cpp
                       tests/cli/tokenizer_test.cpp tests/cli/usage_test.cpp
               LINK sy::fmt sy::simdjson)
target_compile_definitions(cli_tests PRIVATE SY_PROGRAM="$<TARGET_FILE:switchyard>"
                                             SY_VERSION="${PROJECT_VERSION}")
add_dependencies(cli_tests switchyard)
foreach(suite usage config tokenizer inspect plan doctor diagnose_command bench distill finetune infill_command initialize objectives
              score_command loglikelihood_command report)
  sy_add_test(cli.${suite} cli_tests "[${suite}]")
endforeach()
