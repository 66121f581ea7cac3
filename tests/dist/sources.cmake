sy_test_binary(dist_tests SOURCES tests/dist/self_communicator_test.cpp LINK sy_dist)
sy_add_test(dist.self_communicator dist_tests "[self_communicator]")
