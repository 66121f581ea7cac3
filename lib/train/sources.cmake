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
