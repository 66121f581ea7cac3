// SPDX-License-Identifier: Apache-2.0
// Fails on purpose, for faults.sh: `hang` leaves rank 1 out of a collective; `throw` fails on rank
// 1 while the others wait; `nested` blocks in a call around another; `slow` is only slow. For
// nccl_faults.sh: `nccl_hang` leaves rank 1 out of a collective on GPUs, and in `nccl_poll` the
// others ask for its result all the time; in `nccl_order` rank 1 makes a different call. For
// faults/diagnose.py, whose second argument is a run's folder: `other_call` makes another call on
// rank 1, `crash` ends it by SIGSEGV, and in `failed_call` a call of its GPU fails.
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

#include "lib/base/log.h"
#include "lib/dist/flight/flight_log.h"
#include "lib/dist/flight/flight_ring.h"
#include "lib/dist/mpi/mpi_communicator.h"
#include "lib/dist/mpi/mpi_environment.h"
#include "lib/dist/nccl/nccl_communicator.h"
#include "lib/dist/watchdog.h"
#include "lib/tensor/transfer.h"

namespace sy {
namespace {

void sleep_long() {
  std::this_thread::sleep_for(std::chrono::minutes(10));
}

void leave_rank_1_out(Communicator& world) {
  int32_t value = 0;
  Tensor tensor(&value, DType::i32, {1});
  world.all_reduce_sum(tensor, "first");
  if (world.rank() == 1) sleep_long();
  world.start_all_reduce_sum(tensor, "encoder layer 1 dispatch")->wait();
}

void fail_on_rank_1(Communicator& world) {
  const auto group =
      make_mpi_communicator(MPI_COMM_WORLD, "group", {.sums_in_flight_on_one_host = true});
  int32_t value = 0;
  if (world.rank() == 1) {
    // No other rank joins, so the calls in flight must not be waited for.
    const auto request = group->start_all_reduce_sum(Tensor(&value, DType::i32, {1}), "under way");
    throw RuntimeFailure("rank 1 gives up");
  }
  world.barrier("the others wait");
}

// The inner call has returned; the outer one blocks.
void wait_in_outer_call() {
  const WatchedCall outer({"barrier", "whole step", "world", 7});
  { const WatchedCall inner({"broadcast", "part of it", "data", 3}); }
  sleep_long();
}

// Takes longer than the limit, but outside of calls, or in several calls, or without a limit: no
// error.
void take_time(Communicator& world) {
  const auto nap = [] { std::this_thread::sleep_for(std::chrono::milliseconds(600)); };
  for (int i = 0; i < 2; ++i) nap();
  for (int64_t i = 1; i <= 2; ++i) {
    const WatchedCall call({"barrier", "one of several", "world", i});
    nap();
  }
  world.barrier("all are there");
  start_watchdog(0);
  const WatchedCall call({"barrier", "without a limit", "world", 3});
  for (int i = 0; i < 2; ++i) nap();
}

// Asks for the result of a call that never ends until the watchdog has aborted it and ends the job.
[[noreturn]] void ask_on(Request& request) {
  for (;;) {
    try {
      request.test();
    } catch (const Error&) {
    }
  }
}

void go_wrong_on_gpus(Communicator& world, const std::string& how) {
  Exec exec;
  exec.backend = Backend::cuda;
  const auto group = make_nccl_communicator(world, exec);
  const Memory memory(MemoryKind::device, 16 * world.size(), "a test");
  const Tensor whole(memory.data(), DType::f32, {4 * world.size()}), tensor = whole.slice(0, 4);
  group->all_reduce_sum(tensor, "first");
  synchronize(exec);
  if (world.rank() == 1 && how != "nccl_order") sleep_long();
  if (how == "nccl_poll") ask_on(*group->start_all_reduce_sum(tensor, "decoder dispatch"));
  if (world.rank() == 1) {
    group->all_reduce_max(tensor, "decoder layer 2 maximum");
  } else {
    group->all_reduce_sum(tensor, std::string("encoder layer 1 dispatch").c_str());
  }
  synchronize(exec);
  sleep_long();
}

// What a GPU's queue says when a call in it fails.
class FailedQueue final : public WatchedQueue {
 public:
  QueueFault fault(double, std::chrono::steady_clock::time_point) override {
    return {"the GPU is gone"};
  }
  void abort() override {}
};

[[noreturn]] void fail_in_a_queue() {
  FailedQueue queue;
  const QueueWatch watch(queue);
  for (;;) sleep_long();
}

// Steps of a few collectives, until rank 1 does something else in the third.
void leave_records(Communicator& world, const std::string& how, const std::string& run) {
  flight::FlightLog log(run, "1000000000-1", world);
  float values[4] = {};
  const Tensor tensor(values, DType::f32, {4});
  for (int64_t step = 1; step <= 3; ++step) {
    flight::set_step(step);
    const bool differs = step == 3 && world.rank() == 1;
    world.all_reduce_sum(tensor, "decoder/layers/1 counts");
    if (differs && how == "crash") raise(SIGSEGV);
    if (differs && how == "failed_call") fail_in_a_queue();
    if (differs) world.barrier("decoder/layers/1 barrier");
    world.all_reduce_sum(tensor, "decoder/layers/3 counts");
  }
}

}  // namespace
}  // namespace sy

int main(int argc, char** argv) {
  try {
    sy::MpiEnvironment mpi(&argc, &argv);
    sy::start_watchdog(1.0);
    if (std::strcmp(argv[1], "hang") == 0) {
      sy::leave_rank_1_out(mpi.world());
    } else if (std::strcmp(argv[1], "nested") == 0) {
      sy::wait_in_outer_call();
    } else if (std::strcmp(argv[1], "slow") == 0) {
      sy::take_time(mpi.world());
    } else if (argc > 2) {
      sy::start_watchdog(3);
      sy::leave_records(mpi.world(), argv[1], argv[2]);
    } else if (std::strncmp(argv[1], "nccl", 4) == 0) {
      sy::go_wrong_on_gpus(mpi.world(), argv[1]);
    } else {
      sy::start_watchdog(0);
      sy::fail_on_rank_1(mpi.world());
    }
  } catch (const sy::Error& error) {
    std::fprintf(stderr, "%serror: %s\n", sy::log::prefix().c_str(), error.what());
    sy::MpiEnvironment::abort(static_cast<int>(error.code()));
  }
  return 0;
}
