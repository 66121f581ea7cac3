// Goes wrong on purpose, for faults.sh: `hang` leaves rank 1 out of a collective, `throw` fails on
// rank 1 while the others wait.
#include <chrono>
#include <cstdio>
#include <cstring>
#include <thread>

#include "lib/base/log.h"
#include "lib/dist/mpi_environment.h"

namespace sy {
namespace {

void leave_rank_1_out(Communicator& world) {
  int32_t value = 0;
  Tensor tensor(&value, DType::i32, {1});
  world.all_reduce_sum(tensor, "first");
  if (world.rank() == 1) std::this_thread::sleep_for(std::chrono::minutes(10));
  world.start_all_reduce_sum(tensor, "encoder layer 1 dispatch")->wait();
}

void fail_on_rank_1(Communicator& world) {
  if (world.rank() == 1) throw RuntimeFailure("rank 1 gives up");
  world.barrier("the others wait");
}

}  // namespace
}  // namespace sy

int main(int argc, char** argv) {
  try {
    sy::MpiEnvironment mpi(&argc, &argv);
    sy::start_watchdog(1.0);
    if (std::strcmp(argv[1], "hang") == 0) {
      sy::leave_rank_1_out(mpi.world());
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
