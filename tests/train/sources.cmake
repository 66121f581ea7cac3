# SPDX-License-Identifier: Apache-2.0
# What the event files hold, read back by protobuf itself: an independent check of our writing.
add_custom_command(
  OUTPUT ${PROJECT_BINARY_DIR}/tests/train/events.pb.cc ${PROJECT_BINARY_DIR}/tests/train/events.pb.h
  COMMAND protobuf::protoc --proto_path=${PROJECT_SOURCE_DIR} --cpp_out=${PROJECT_BINARY_DIR}
          tests/train/events.proto
  DEPENDS ${PROJECT_SOURCE_DIR}/tests/train/events.proto)
add_library(sy_events STATIC ${PROJECT_BINARY_DIR}/tests/train/events.pb.cc
                             ${PROJECT_BINARY_DIR}/tests/train/events.pb.h)
target_include_directories(sy_events SYSTEM PUBLIC ${PROJECT_BINARY_DIR})
target_link_libraries(sy_events PUBLIC protobuf::libprotobuf-lite)

sy_test_binary(metrics_tests
               SOURCES tests/train/run_ledger_test.cpp tests/train/metrics_test.cpp tests/train/progress_test.cpp
                       tests/train/schedule_test.cpp tests/train/tensorboard_test.cpp
               LINK sy_metrics sy_events sy::simdjson)
foreach(suite run_ledger metrics progress schedule tensorboard)
  sy_add_test(train.${suite} metrics_tests "[${suite}]")
endforeach()

sy_test_binary(run_tests SOURCES tests/train/best_checkpoints_test.cpp tests/train/bfloat16_advice_test.cpp tests/train/datasheet_test.cpp
                                 tests/train/router_summary_test.cpp tests/train/run_lock_test.cpp tests/train/spike_guard_test.cpp tests/train/wait_meter_test.cpp
               LINK sy_train)
foreach(suite best_checkpoints bfloat16_advice datasheet router_summary run_lock spike_guard wait_meter)
  sy_add_test(train.${suite} run_tests "[${suite}]")
endforeach()

sy_test_binary(train_mpi_tests MPI
               SOURCES tests/train/draws_test.cpp tests/train/grad_fault_test.cpp tests/train/grad_norm_test.cpp
                       tests/train/grad_reduce_test.cpp tests/train/mesh_checkpoint_test.cpp
                       tests/train/optimizer_test.cpp
                       tests/train/plain_training.cpp tests/train/replay_test.cpp tests/train/runtime_test.cpp
                       tests/train/short_steps_test.cpp
                       tests/train/step_fault_test.cpp tests/train/step_numbers_test.cpp
                       tests/train/teacher_test.cpp tests/train/traffic_test.cpp
                       tests/train/train_step_test.cpp
                       tests/train/trainer_test.cpp tests/train/zero_test.cpp
                       tests/data/support.cpp tests/model/fixture.cpp tests/model/reference_model.cpp
               LINK sy_bench sy::simdjson sy::zlib sy::zstd)
foreach(suite draws grad_fault grad_norm grad_reduce mesh_checkpoint optimizer replay runtime short_steps step_fault step_numbers teacher traffic train_step trainer zero)
  sy_add_mpi_test(train.${suite} train_mpi_tests "[${suite}]" 1 2 4)
endforeach()
foreach(column "draws forward" "grad_fault reverse" "grad_norm forward" "grad_reduce random" "optimizer reverse" "replay random" "runtime random" "short_steps random"
               "step_fault reverse" "step_numbers random" "teacher reverse" "traffic forward" "train_step random" "zero random")
  separate_arguments(column)
  list(GET column 0 suite)
  list(GET column 1 schedule)
  sy_add_cuda_mpi_test(train.${suite} train_mpi_tests "[${suite}]" 1 2 4 SCHEDULES ${schedule})
endforeach()
# Whole runs, executed on the host, take a minute: one number of ranks.
sy_add_cuda_mpi_test(train.mesh_checkpoint train_mpi_tests "[mesh_checkpoint]" 2 SCHEDULES forward)
sy_add_cuda_mpi_test(train.trainer train_mpi_tests "[trainer]" 2 SCHEDULES forward)
# The column takes minutes a mesh: usually on one mesh a suite, on the others on demand.
sy_long_tests(cuda.train.mesh_checkpoint.np2.forward cuda.train.draws.np1.forward cuda.train.draws.np2.forward cuda.train.replay.np1.random cuda.train.replay.np2.random cuda.train.replay.np4.random cuda.train.runtime.np1.random
              cuda.train.runtime.np4.random cuda.train.short_steps.np1.random cuda.train.short_steps.np4.random cuda.train.step_numbers.np1.random cuda.train.step_numbers.np4.random
              cuda.train.teacher.np1.reverse cuda.train.teacher.np4.reverse
              cuda.train.traffic.np4.forward cuda.train.train_step.np1.random cuda.train.train_step.np4.random
              cuda.train.zero.np1.random cuda.train.zero.np4.random)
