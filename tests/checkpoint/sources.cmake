sy_test_binary(checkpoint_tests
               SOURCES tests/checkpoint/save_read_test.cpp tests/checkpoint/support.cpp
                       tests/checkpoint/child.cpp tests/checkpoint/full_disk_test.cpp
               LINK sy_checkpoint sy::hdf5)
foreach(suite checkpoint_save)
  sy_add_test(checkpoint.${suite} checkpoint_tests "[${suite}]")
endforeach()
