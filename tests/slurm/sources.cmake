# SPDX-License-Identifier: Apache-2.0
# The batch scripts, with stand-ins for Slurm's commands and for the program.
foreach(name pretrain resume preflight directives requeued_run)
  add_test(NAME slurm.${name}
           COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/slurm/${name}.py $<TARGET_FILE:switchyard>)
  set_tests_properties(slurm.${name} PROPERTIES TIMEOUT 120 LABELS faults)
endforeach()

# And under a real Slurm on this host.
add_test(NAME slurm.real_requeue
         COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/slurm/real.py $<TARGET_FILE:switchyard> preflight requeue)
add_test(NAME slurm.real COMMAND python3 ${PROJECT_SOURCE_DIR}/tests/slurm/real.py $<TARGET_FILE:switchyard>)
set_tests_properties(slurm.real_requeue slurm.real PROPERTIES SKIP_RETURN_CODE 77 PROCESSORS 2 LABELS faults)
set_tests_properties(slurm.real_requeue PROPERTIES TIMEOUT 300)
set_tests_properties(slurm.real PROPERTIES TIMEOUT 1800)
sy_long_tests(slurm.real)
