# SPDX-License-Identifier: Apache-2.0
sy_test_binary(plan_tests
               SOURCES tests/plan/device_test.cpp tests/plan/execute_test.cpp tests/plan/parts_test.cpp
                       tests/plan/regions_test.cpp tests/plan/rehearsal_test.cpp tests/plan/search_test.cpp
                       tests/plan/slab_ledger_test.cpp tests/plan/step_time_test.cpp
               LINK sy_plan)
foreach(suite device execute parts regions rehearsal search slab_ledger step_time)
  sy_add_test(plan.${suite} plan_tests "[${suite}]")
endforeach()
# The two largest models of the paper on 1,024 and 2,048 ranks, about a minute each on two cores.
sy_add_test(plan.execute_large plan_tests "[execute_large]")
set_tests_properties(plan.execute_large PROPERTIES TIMEOUT 900)
sy_long_tests(plan.execute_large)

sy_test_binary(plan_mpi_tests MPI SOURCES tests/plan/planned_run_test.cpp LINK sy_plan sy_bench)
sy_add_mpi_test(plan.planned_run plan_mpi_tests "[planned_run]" 1 2 4)
