# SPDX-License-Identifier: Apache-2.0
# The real program on several hosts, which are network namespaces. Skipped where these cannot be made.
foreach(column "equal equal" "cut_off lost cut_off" "cut_off_unnoticed lost cut_off_unnoticed"
               "killed lost killed")
  separate_arguments(column)
  list(POP_FRONT column name script)
  add_test(NAME hosts.${name} COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/hosts/${script}.py
                                      $<TARGET_FILE:switchyard> ${column})
  set_tests_properties(hosts.${name} PROPERTIES TIMEOUT 300 SKIP_RETURN_CODE 77 PROCESSORS 2 LABELS faults)
endforeach()
