# SPDX-License-Identifier: Apache-2.0
sy_test_binary(measure_tests SOURCES tests/measure/compare_nodes_test.cpp tests/measure/examine_node_test.cpp
                                     tests/measure/node_facts_test.cpp tests/measure/own_process_test.cpp
               LINK sy_measure)
foreach(suite compare_nodes examine_node node_facts own_process)
  sy_add_test(measure.${suite} measure_tests "[${suite}]")
endforeach()
