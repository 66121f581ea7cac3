# SPDX-License-Identifier: Apache-2.0
sy_test_binary(checkpoint_tests
               SOURCES tests/checkpoint/support.cpp tests/checkpoint/child.cpp
                       tests/checkpoint/file_log.cpp tests/checkpoint/held_calls.cpp
                       tests/checkpoint/layout_test.cpp tests/checkpoint/under_way_test.cpp
                       tests/checkpoint/cover_test.cpp tests/checkpoint/manifest_test.cpp
                       tests/checkpoint/hdf5_file_test.cpp tests/checkpoint/save_read_test.cpp
                       tests/checkpoint/slabs_test.cpp tests/checkpoint/inputs_test.cpp
                       tests/checkpoint/writer_test.cpp tests/checkpoint/damage_test.cpp
                       tests/checkpoint/commit_order_test.cpp tests/checkpoint/kill_test.cpp
                       tests/checkpoint/full_disk_test.cpp tests/checkpoint/h5py_test.cpp
                       tests/checkpoint/failing_write_test.cpp tests/checkpoint/speed_test.cpp
               LINK sy_checkpoint sy::hdf5)
foreach(suite layout cover manifest hdf5 save slabs inputs writer damage order kill under_way full writes h5py)
  sy_add_test(checkpoint.${suite} checkpoint_tests "[checkpoint_${suite}]")
endforeach()

sy_test_binary(checkpoint_mpi_tests MPI SOURCES tests/checkpoint/support.cpp tests/checkpoint/commit_test.cpp
               LINK sy_checkpoint sy_dist sy::hdf5)
sy_add_mpi_test(checkpoint.commit checkpoint_mpi_tests "[checkpoint_commit]" 2 4)
