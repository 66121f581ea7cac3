# SPDX-License-Identifier: Apache-2.0
# The batch scripts, with stand-ins for Slurm's commands and for the program.
foreach(name pretrain resume preflight directives requeued_run)
  add_test(NAME slurm.${name}
           COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/slurm/${name}.py $<TARGET_FILE:switchyard>)
  set_tests_properties(slurm.${name} PROPERTIES TIMEOUT 120 LABELS faults)
endforeach()
