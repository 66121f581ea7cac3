// SPDX-License-Identifier: Apache-2.0
#include "lib/dist/mpi/mpi_environment.h"

#include <mpi.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>

#include "lib/base/log.h"
#include "lib/dist/launcher.h"
#include "lib/dist/launcher_guard.h"
#include "lib/dist/mpi/mpi_check.h"
#include "lib/dist/mpi/mpi_communicator.h"
#include "lib/dist/watchdog.h"

namespace sy {
namespace {

constexpr unsigned kAbortSeconds = 5;
volatile std::sig_atomic_t abort_code = 1;

// Ends this process after kAbortSeconds, whatever its threads wait for.
void end_soon(int code) {
  abort_code = code;
  std::signal(SIGALRM, [](int) { _exit(abort_code); });
  alarm(kAbortSeconds);
}

}  // namespace

MpiEnvironment::MpiEnvironment(int* argc, char*** argv,
                               std::optional<double> hang_timeout_seconds) {
  if (hang_timeout_seconds) start_watchdog(*hang_timeout_seconds);
  int provided = MPI_THREAD_SINGLE;
  {
    const LauncherGuard guard;
    const WatchedCall watched({"MPI_Init", "start of the program", "world", 1});
    MPI_CHECK(MPI_Init_thread(argc, argv, MPI_THREAD_FUNNELED, &provided));
  }
  MPI_CHECK(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN));
  if (provided < MPI_THREAD_FUNNELED) {
    throw RuntimeFailure(
        "this MPI library does not support threads (MPI_THREAD_FUNNELED): use one that does");
  }
  world_ = make_mpi_communicator(MPI_COMM_WORLD, "world");
  log::set_rank(world_->rank(), world_->size());
  if (const std::string fault = why_not_alone(world_->size()); !fault.empty()) {
    throw ConfigError(fault);
  }

  MPI_Comm node = MPI_COMM_NULL;
  MPI_CHECK(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, world_->rank(), MPI_INFO_NULL,
                                &node));
  MPI_CHECK(MPI_Comm_rank(node, &local_rank_));
  MPI_CHECK(MPI_Comm_size(node, &local_size_));
  MPI_CHECK(MPI_Comm_free(&node));
}

MpiEnvironment::~MpiEnvironment() {
  // When a rank fails, the others are still in their collectives, and MPI_Finalize would wait for
  // them.
  if (std::uncaught_exceptions() > 0) return;
  world_.reset();
  {
    const WatchedCall watched({"MPI_Finalize", "end of the program", "world", 1});
    MPI_Finalize();
  }
  stop_watchdog();
}

void MpiEnvironment::abort(int code) {
  end_soon(code);  // MPI_Abort waits for the launcher, which may be stopped or cut off itself
  int initialized = 0, finalized = 0;
  MPI_Initialized(&initialized);
  MPI_Finalized(&finalized);
  if (initialized != 0 && finalized == 0) {
    kill_launcher_if_it_stays();
    MPI_Abort(MPI_COMM_WORLD, code);
  }
  std::_Exit(code);  // MPI_Abort does not return, but is not declared so
}

}  // namespace sy
