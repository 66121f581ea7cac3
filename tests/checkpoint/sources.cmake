sy_test_binary(checkpoint_tests
               SOURCES tests/checkpoint/save_read_test.cpp tests/checkpoint/support.cpp
               LINK sy_checkpoint)
foreach(suite checkpoint_save)
  sy_add_test(checkpoint.${suite} checkpoint_tests "[${suite}]")
endforeach()
