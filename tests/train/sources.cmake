sy_test_binary(metrics_tests
               SOURCES tests/train/metrics_test.cpp tests/train/progress_test.cpp
                       tests/train/schedule_test.cpp tests/train/tensorboard_test.cpp
               LINK sy_metrics sy_events sy::simdjson)
foreach(suite metrics progress schedule tensorboard)
  sy_add_test(train.${suite} metrics_tests "[${suite}]")
endforeach()
