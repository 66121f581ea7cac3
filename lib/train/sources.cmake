# TensorBoard's messages, for protobuf's small runtime.
add_custom_command(
  OUTPUT ${CMAKE_BINARY_DIR}/lib/train/events.pb.cc ${CMAKE_BINARY_DIR}/lib/train/events.pb.h
  COMMAND protobuf::protoc --proto_path=${CMAKE_SOURCE_DIR} --cpp_out=${CMAKE_BINARY_DIR}
          lib/train/events.proto
  DEPENDS ${CMAKE_SOURCE_DIR}/lib/train/events.proto)
add_library(sy_events STATIC ${CMAKE_BINARY_DIR}/lib/train/events.pb.cc
                             ${CMAKE_BINARY_DIR}/lib/train/events.pb.h)
target_include_directories(sy_events SYSTEM PUBLIC ${CMAKE_BINARY_DIR})
target_link_libraries(sy_events PUBLIC protobuf::libprotobuf-lite)

sy_library(metrics
           SOURCES lib/train/metrics.cpp lib/train/progress.cpp lib/train/schedule.cpp
                   lib/train/tensorboard.cpp
           LINK sy_base PRIVATE_LINK sy_events sy::simdjson)

sy_library(train
           SOURCES lib/train/adafactor.cpp lib/train/adamw.cpp lib/train/checkpointing.cpp
                   lib/train/evaluate.cpp lib/train/grad_norm.cpp lib/train/grad_reduce.cpp
                   lib/train/infill.cpp lib/train/matrix_rate.cpp lib/train/optimizer.cpp
                   lib/train/router_summary.cpp lib/train/run_folder.cpp lib/train/run_log.cpp
                   lib/train/session.cpp lib/train/step_batch.cpp lib/train/stop_signal.cpp
                   lib/train/trainer.cpp lib/train/trainer_setup.cpp
           LINK sy_metrics sy_model sy_checkpoint sy_data sy_config PRIVATE_LINK sy::simdjson)
