# SPDX-License-Identifier: Apache-2.0
sy_test_binary(dist_tests SOURCES tests/dist/diagnosis_test.cpp tests/dist/flight_record_test.cpp
                          tests/dist/hang_sign_test.cpp tests/dist/launcher_guard_test.cpp tests/dist/line_writer_test.cpp tests/dist/planned_world_test.cpp tests/dist/self_communicator_test.cpp
                          tests/dist/starts_test.cpp tests/dist/traffic_test.cpp
               LINK sy_dist)
foreach(suite diagnosis flight_record hang_sign launcher_guard line_writer planned_world self_communicator starts traffic)
  sy_add_test(dist.${suite} dist_tests "[${suite}]")
endforeach()
